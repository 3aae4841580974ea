"""Relocation: a prefix replaced in text, shebang lines, C strings and links."""

import subprocess
import sys
from pathlib import Path

import pytest

from envtool.engines.cloning import elf
from envtool.engines.cloning.manifests import updated
from envtool.engines.cloning.relocation import Relocation, TooLongError
from envtool.prefix.digest import Digest

OLD, NEW = Path("/home/me/envs/dl"), Path("/home/me/envs/paper")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#!/home/me/envs/dl/bin/python3.11\nx", "#!/home/me/envs/paper/bin/python3.11\nx"),
        ("-L/home/me/envs/dl/lib", "-L/home/me/envs/paper/lib"),
        ("a:/home/me/envs/dl:/home/me/envs/dl/b", "a:/home/me/envs/paper:/home/me/envs/paper/b"),
        ("see /home/me/envs/dl.", "see /home/me/envs/paper."),
        ('{"url": "file:///home/me/envs/dl/src/x"}', '{"url": "file:///home/me/envs/paper/src/x"}'),
        ("/home/me/envs/dl2 /home/me/envs/dl-old /home/me/envs/dl.bak /home/me/envs/dl中", None),
        ("/home/me/envs", None),
    ],
)
def test_text(before: str, after: str | None) -> None:
    moved = Relocation(OLD, NEW).text(before.encode()).decode()
    assert moved == (before if after is None else after)


def test_a_short_prefix_is_not_found_inside_other_paths() -> None:
    text = b"#!/usr/bin/env python\n./env ~/env ${HOME}/env -I/env/include /env/bin\n"
    assert Relocation(Path("/env"), Path("/env2")).text(text) == (
        b"#!/usr/bin/env python\n./env ~/env ${HOME}/env -I/env2/include /env2/bin\n"
    )


def test_paths_of_what_stays_behind_are_kept() -> None:
    text = b"/opt/conda/pkgs/x /opt/conda/envs /opt/conda/envsx /opt/conda/bin"
    moved = Relocation(Path("/opt/conda"), NEW, ("pkgs", "envs")).text(text)
    assert moved == b"/opt/conda/pkgs/x /opt/conda/envs /home/me/envs/paper/envsx /home/me/envs/paper/bin"


@pytest.mark.parametrize(
    ("old", "new"), [("/h/张三/dl", "/h/张三/mm"), ("/h/a b/dl", "/h/a b/mm"), ("/h/x/dl", "/h/a b/m")]
)
def test_paths_in_urls_and_in_json_are_found_however_they_are_written(old: str, new: str) -> None:
    import json
    from urllib.parse import quote

    def text(path: str) -> bytes:
        return f"{path}\nfile://{quote(path)}/src\n{json.dumps(path)}\n".encode()

    assert Relocation(Path(old), Path(new)).text(text(old)) == text(new)


@pytest.mark.parametrize("arguments", ["", " -E"])
@pytest.mark.parametrize("folder", ["with space", "x" * 200])
def test_a_script_starts_also_where_its_first_line_cannot_be_an_ordinary_one(
    tmp_path: Path, folder: str, arguments: str
) -> None:
    place = tmp_path / folder
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    script = place / "bin" / "hello"
    text = f"#!{OLD}/bin/python{arguments}\nimport sys\nprint('hello', *sys.argv[1:])\n"
    script.write_bytes(Relocation(OLD, place).text(text.encode()))
    script.chmod(0o755)
    assert subprocess.run([script, "a b"], capture_output=True, text=True, check=True).stdout == "hello a b\n"


def c_strings(prefix: Path, room: int) -> bytes:
    """Return a binary as conda's linker leaves it: each string filled up to where the placeholder's would end."""
    strings = [("", "/lib/x"), ("PATH=", "/bin:{p}/sbin"), ("", "")]
    data = b"\x7fELF head \0"
    for start, end in strings:
        whole, long = (f"{start}{p}{end.replace('{p}', str(p))}" for p in (prefix, "p" * room))
        data += whole.encode().ljust(len(long), b"\0") + b"\0tail\0"
    return data


def test_a_binary_keeps_its_length_and_is_what_conda_would_have_made() -> None:
    assert Relocation(OLD, NEW).binary(c_strings(OLD, 255), 255) == c_strings(NEW, 255)
    assert Relocation(NEW, OLD).binary(c_strings(NEW, 255), 255) == c_strings(OLD, 255)


def test_a_path_too_long_for_its_slot_is_refused() -> None:
    longest = Path("/" + "n" * 254)
    assert Relocation(OLD, longest).binary(c_strings(OLD, 255), 255) == c_strings(longest, 255)
    with pytest.raises(TooLongError) as refusal:
        Relocation(OLD, Path("/" + "n" * 255)).binary(c_strings(OLD, 255), 255)
    assert refusal.value.room == 255
    with pytest.raises(TooLongError):  # a slot of no known size has no room, whatever follows it
        Relocation(OLD, NEW).binary(b"\x7fELF" + bytes(OLD) + b"\0\0\0\0\0\0\0\0\0\0", 0)


def test_bytes_that_follow_a_string_are_never_overwritten() -> None:
    data = bytes(OLD) + b"\0next string\0"
    with pytest.raises(TooLongError):
        Relocation(OLD, NEW).binary(data, 255)


@pytest.mark.parametrize(
    ("target", "folder", "expected"),
    [
        ("python3.11", "bin", "python3.11"),
        ("../lib/x", "bin", "../lib/x"),
        (f"{OLD}/lib/x", "bin", "/other/place/dl/lib/x"),
        (str(OLD), "", "/other/place/dl"),
        ("/usr/bin/python3", "bin", "/usr/bin/python3"),
        ("../../../shared/python", "bin", "../../../../home/me/shared/python"),
        (f"{OLD}2/x", "bin", f"{OLD}2/x"),
    ],
)
def test_links(target: str, folder: str, expected: str) -> None:
    assert Relocation(OLD, Path("/other/place/dl")).link(target, folder) == expected


def test_the_run_path_of_a_library_is_read_without_reading_it(tmp_path: Path) -> None:
    import shutil

    if not (compiler := shutil.which("gcc") or shutil.which("cc")):
        pytest.skip("no C compiler: install gcc to try this")
    (tmp_path / "x.c").write_text("int x(void) { return 1; }\n")
    for name, flags in (("with", ["-Wl,-rpath,/home/me/envs/dl/lib:/other"]), ("without", [])):
        command = [compiler, "-shared", "-o", str(tmp_path / name), str(tmp_path / "x.c"), *flags]
        subprocess.run(command, check=True)
    for name, expected in (("with", b"/home/me/envs/dl/lib:/other"), ("without", b""), ("x.c", b"")):
        with (tmp_path / name).open("rb") as file:
            assert elf.run_path(file) == expected


def test_hashes_are_corrected_only_where_they_were_right() -> None:
    before, after = Digest.of(b"old"), Digest.of(b"new!")
    import base64

    def row(path: str, digest: Digest) -> str:
        value = base64.urlsafe_b64encode(digest.sha256).rstrip(b"=").decode()
        return f"{path},sha256={value},{digest.size}"

    edited = Digest.of(b"edited by hand")
    record = "lib/python3/site-packages/a-1.dist-info/RECORD"
    content = {
        record: "\n".join(
            [
                row("../../../bin/tool", before),
                row('"with, comma"', before),
                row("edited", edited),
                "a-1.dist-info/RECORD,,",
                "",
            ]
        ),
        "conda-meta/a-1-0.json": '{"sha256": "%s", "sha256_in_prefix": "%s"}' % ((before.sha256.hex(),) * 2),
    }
    site = "lib/python3/site-packages"
    rewritten = dict.fromkeys(("bin/tool", f"{site}/with, comma", f"{site}/edited"), (before, after))
    result = {name: data.decode() for name, data in updated(content, lambda name: content[name].encode(), rewritten)}
    assert result[record] == "\n".join(
        [
            row("../../../bin/tool", after),
            row('"with, comma"', after),
            row("edited", edited),
            "a-1.dist-info/RECORD,,",
            "",
        ]
    )
    assert result["conda-meta/a-1-0.json"] == '{"sha256": "%s", "sha256_in_prefix": "%s"}' % (  # noqa: UP031
        before.sha256.hex(),
        after.sha256.hex(),
    )
