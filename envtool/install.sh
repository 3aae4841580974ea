#!/bin/sh
# Install envtool for one user, upgrade it, or remove it. POSIX sh; `sh install.sh --help` shows the options.
#
# What it makes:
#   PREFIX/venv-N               the venv in use, and the one before it: a program may still be running from that
#   PREFIX/venv-N/install.json  what was installed, from where, by which Python; written when the venv is complete
#   PREFIX/bin/envtool          a link to the venv in use; replacing it is the moment at which a version is installed
#   PREFIX/lock                 a link that names the process at work (host:pid), while there is one
#   ~/.local/bin/envtool        a link to PREFIX/bin/envtool
#
# venvs hold their own path, so each is built where it stays, and a run that fails or is killed has changed nothing that
# is in use. What needs more than a shell is in install_sh.py, which lies beside this file.
set -u
unset CDPATH PYTHONPATH PYTHONHOME PYTHONSTARTUP

OK=0 FAILED=1 USAGE=2 MISSING=3 BAD_INPUT=4 NETWORK=5 INTERRUPTED=130 # envtool's exit codes
NEWLINE='
'

usage() {
    cat <<'END'
Usage: sh install.sh [OPTIONS]

Install envtool for this user, or upgrade it. It needs neither root nor conda,
only Python 3.10 or newer, which it looks for on PATH and among the Pythons of
conda, pyenv and uv.

Options:
  -i, --index-url URL  Take all packages from this index. Without it: the index
                       that pip uses or, if that is the default index and does
                       not answer within seconds, the fastest of its mirrors.
  --from SOURCE        What to install: a checkout, a wheel, an sdist or a URL.
                       [default: the checkout that this script lies in]
  --prefix DIR         Where to install. [default: ~/.envtool]
  --python PYTHON      The Python to use. [default: the first that fits]
  --no-link            Do not link ~/.local/bin/envtool.
  --uninstall          Remove envtool and the link. Environments stay.
  -y, --yes            Do not ask.
  -h, --help           Show this message and exit.

If a run fails or is interrupted, the envtool that was installed before still
works.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no Python or nothing to
uninstall, 4 SOURCE is not envtool, 5 network, 130 interrupted.
END
}

# --- Words -------------------------------------------------------------------------------------------------------

say() {
    printf '%s\n' "$1" >&2
}

# fail CODE MESSAGE [HINT]: end with an error.
fail() {
    say "error: $2"
    [ -z "${3-}" ] || say "hint: $3"
    exit "$1"
}

# Say whether the envtool that was there before still works, after looking.
say_what_stands() {
    if [ -z "$before" ]; then
        [ -e "$prefix/bin/envtool" ] || say "Nothing was installed."
    elif [ "$("$prefix/bin/envtool" --version 2>/dev/null </dev/null)" = "$before" ]; then
        say "$before in $prefix still works."
    fi
}

# --- Arguments ---------------------------------------------------------------------------------------------------

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            --*=*)
                option=${1%%=*} value=${1#*=}
                shift
                set -- "$option" "$value" "$@"
                ;;
        esac
        case $1 in
            -i | --index-url | --from | --prefix | --python)
                [ -n "${2-}" ] || fail $USAGE "$1 needs a value." "sh install.sh --help shows the options."
                ;;
        esac
        case $1 in
            -i | --index-url) index=$2 && shift ;;
            --from) source=$2 && shift ;;
            --prefix) prefix=$2 && shift ;;
            --python) python=$2 && shift ;;
            --no-link) link='' ;;
            --uninstall) action=uninstall ;;
            -y | --yes) yes=yes ;;
            -h | --help) usage && exit $OK ;;
            -*) fail $USAGE "There is no option ${1%%=*}." "sh install.sh --help shows the options." ;;
            *) fail $USAGE "The script takes options only." "Name what to install with --from." ;;
        esac
        shift
    done
}

# Complete the arguments, and refuse what cannot work before anything is touched.
settle_arguments() {
    if [ -z "${HOME-}" ] && { [ -z "$prefix" ] || [ -n "$link" ]; }; then
        fail $USAGE "HOME is not set." "Set it, or pass --prefix DIR and --no-link."
    fi
    standard=$(absolute "${HOME-}/.envtool")
    prefix=$(absolute "${prefix:-$standard}")
    [ -z "$link" ] || link=${HOME%/}/.local/bin/envtool
    case $index in
        '' | http://* | https://* | file://*) ;;
        *) fail $USAGE "-i takes a URL that begins with https://, http:// or file://." ;;
    esac
    case $index in *[[:space:]]*) fail $USAGE "-i takes a URL, which has no white space in it." ;; esac
}

settle_source() {
    case $source in
        '') default_source ;;
        http://* | https://* | file://* | git+*://*) check_source_url ;;
        *)
            [ -e "$source" ] || fail $BAD_INPUT "$source does not exist."
            source=$(absolute "$source")
            ;;
    esac
    case $source in
        *://* | *.whl | *.tar.gz) ;;
        *) [ -f "$source/pyproject.toml" ] || fail $BAD_INPUT "$source is no checkout, wheel or sdist of envtool." ;;
    esac
}

# A login would be shown by the process list: pip takes what to install from its arguments only.
check_source_url() {
    authority=${source#*://} authority=${authority%%/*}
    case $source:$authority in
        git+ssh:*) ;;
        *:*@*) fail $USAGE "--from takes no URL with a login." "Keep the login in ~/.netrc." ;;
    esac
}

# The checkout around this script; in an installed envtool, what that was installed from.
default_source() {
    if grep -q '^name = "envtool"' "$here/../pyproject.toml" 2>/dev/null; then
        source=$(absolute "$here/..")
    elif [ -f "$prefix/$(current)/install.json" ]; then
        source=$(helper recorded "$prefix/$(current)/install.json" source)
        case $source in
            *://*) ;;
            *) [ -e "$source" ] || fail $MISSING "$source, which envtool was installed from, is gone." "Pass --from." ;;
        esac
    else
        fail $USAGE "This script does not lie in a checkout of envtool." "Name what to install with --from."
    fi
}

absolute() {
    if [ -d "$1" ]; then
        (cd -- "$1" && pwd)
    else
        folder=$(dirname -- "$1")
        [ ! -d "$folder" ] || folder=$(cd -- "$folder" && pwd)
        case $folder in
            /) printf '/%s\n' "$(basename -- "$1")" ;;
            /*) printf '%s/%s\n' "$folder" "$(basename -- "$1")" ;;
            *) printf '%s/%s/%s\n' "$PWD" "$folder" "$(basename -- "$1")" ;;
        esac
    fi
}

# Run a command of install_sh.py.
helper() {
    "$python" -I "$here/install_sh.py" "$@"
}

# --- Python ------------------------------------------------------------------------------------------------------

# What a Python of any age says of itself, a line each: whether it fits (no, borrowed), its version, the interpreter
# behind it if it is a venv's, the same without links, and why it does not fit.
PROBE='
import os, sys
version = ".".join(map(str, sys.version_info[:3]))
path = getattr(sys, "_base_executable", None) or sys.executable
prefix = getattr(sys, "base_prefix", sys.prefix)
verdict, reason = "no", ""
lacking = []
for name in ("venv", "ssl", "zlib"):
    try:
        __import__(name)
    except ImportError:
        lacking.append(name)
if sys.version_info < (3, 10):
    reason = version + " is too old"
elif sys.implementation.name != "cpython":
    reason = "it is not CPython"
elif __import__("sysconfig").get_config_var("Py_GIL_DISABLED"):
    reason = "a free-threaded Python has no packages of what envtool needs"
elif lacking:
    reason = version + " lacks " + ", ".join(lacking)
elif os.path.isdir(prefix + "/conda-meta") and not os.path.isdir(prefix + "/condabin"):
    verdict, reason = "borrowed", "it belongs to the conda environment " + prefix
else:
    verdict = "fits"
print("\n".join(("envtool probe", verdict, version, path, os.path.realpath(path), reason)))
'

# Set $python to the first Python that fits, or end with the reasons why none does.
find_python() {
    rejected='' borrowed=''
    while IFS= read -r candidate; do
        examine "$candidate" || continue
        case $verdict in
            fits) python=$interpreter && return ;;
            borrowed) [ -n "$borrowed" ] || { borrowed=$interpreter borrowed_version=$version why=$reason; } ;;
        esac
        rejected="$rejected$NEWLINE  $candidate: $reason"
    done <<END
$(candidates)
END
    if [ -n "$borrowed" ]; then
        python=$borrowed version=$borrowed_version
        say "note: The only Python that fits is $python, but $why. Removing that breaks envtool."
        return
    fi
    say "error: No Python 3.10 or newer was found that can make a venv.${rejected:-$NEWLINE  there is none at all}"
    say "hint: Install one, and run this script again. Debian, Ubuntu: apt install python3-venv. Fedora: dnf install python3."
    miniforge=$(sed -n 's/^ *miniforge: *//p' "$here/../mirrors.yaml" "$here/mirrors/mirrors.yaml" 2>/dev/null | head -n 1)
    say "hint: Without root: Miniforge, from https://conda-forge.org/download/${miniforge:+ or $miniforge}"
    exit $MISSING
}

# Set $python to the Python that was named, or end with the reason why it does not fit.
check_python() {
    named=$(command -v -- "$python") || fail $MISSING "$python is not there, or not a program."
    examine "$named" || fail $MISSING "$named is not a program."
    [ "$verdict" != no ] || fail $MISSING "$named does not fit: $reason." "envtool needs CPython 3.10 or newer with venv."
    python=$interpreter
}

# Look at one candidate: sets verdict, version, interpreter, reason. Fails where there is nothing new to look at.
examine() {
    [ -f "$1" ] && [ -x "$1" ] || return 1
    answer=$("$1" -E -c "$PROBE" 2>&1 </dev/null)
    case $answer in
        *"envtool probe$NEWLINE"*) ;;
        *)
            verdict=no interpreter=$1
            case $answer in
                Traceback*) answer=${answer##*"$NEWLINE"} ;;
                *) answer=${answer%%"$NEWLINE"*} ;;
            esac
            reason="it does not start${answer:+ ($(printf '%.120s' "$answer"))}"
            return 0
            ;;
    esac
    {
        read -r verdict
        read -r version
        IFS= read -r interpreter
        IFS= read -r real
        IFS= read -r reason
    } <<END
${answer#*"envtool probe$NEWLINE"}
END
    [ -x "$interpreter" ] || interpreter=$1
    case $seen in *"$NEWLINE$real$NEWLINE"*) return 1 ;; esac
    seen=$seen$real$NEWLINE
}

# Print where a Python may be, a line each, in the order of preference.
candidates() {
    names='python3 python3.14 python3.13 python3.12 python3.11 python3.10 python'
    home=${HOME-/nonexistent}
    for name in $names; do
        (
            IFS=:
            set -f
            for folder in ${PATH-}; do
                printf '%s\n' "${folder:-.}/$name"
            done
        )
    done
    for root in "${CONDA_EXE:+${CONDA_EXE%/*/*}}" "${MAMBA_ROOT_PREFIX-}"; do
        [ -z "$root" ] || printf '%s\n' "$root/bin/python3"
    done
    for root in "$home" /opt /usr/local; do
        for name in miniforge3 miniconda3 mambaforge anaconda3 miniforge miniconda anaconda conda micromamba; do
            printf '%s\n' "$root/$name/bin/python3"
        done
    done
    for name in $names; do
        for folder in "${PYENV_ROOT:-$home/.pyenv}/versions"/* \
            "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}"/*; do
            printf '%s\n' "$folder/bin/$name"
        done
    done
}

# --- The folder --------------------------------------------------------------------------------------------------

# Print the name of the venv in use (venv-3), or nothing.
current() {
    target=$(readlink "$prefix/bin/envtool" 2>/dev/null)
    case $target in
        ../venv-*/bin/envtool)
            target=${target#../}
            printf '%s\n' "${target%/bin/envtool}"
            ;;
    esac
}

# Whether PREFIX is a venv that was made by hand, as the README says, for envtool alone.
is_plain_venv() {
    [ "$prefix" = "$standard" ] && [ -f "$prefix/pyvenv.cfg" ]
}

# Refuse a folder that holds anything that is not ours.
check_prefix() {
    [ ! -e "$prefix" ] || [ -d "$prefix" ] || fail $FAILED "$prefix is not a folder." "Pass another with --prefix."
    can_write "$prefix" || fail $FAILED "$prefix cannot be written." "Pass another with --prefix."
    if is_plain_venv; then return; fi
    for entry in "$prefix"/* "$prefix"/.[!.]*; do
        [ -e "$entry" ] || [ -h "$entry" ] || continue
        case ${entry##*/} in
            venv-[0-9]* | bin | lock) ;;
            *) fail $FAILED "$prefix holds files that are not envtool's, such as ${entry##*/}." "Pass another with --prefix." ;;
        esac
    done
    if [ -e "$prefix/bin/envtool" ] && [ -z "$(current)" ]; then
        fail $FAILED "$prefix/bin/envtool was not made by this script." "Pass another folder with --prefix."
    fi
}

# Whether a folder can be written, or made.
can_write() {
    place=$1
    until [ -e "$place" ]; do place=$(dirname -- "$place"); done
    [ -d "$place" ] && [ -w "$place" ] && [ -x "$place" ]
}

# Whether the link is ours, or can be made.
check_link() {
    if [ -e "$link" ] || [ -h "$link" ]; then
        is_own_link || fail $FAILED "$link exists and is not a link into $prefix." "Remove it, or pass --no-link."
    fi
    can_write "${link%/*}" || fail $FAILED "${link%/*} cannot be written." "Pass --no-link."
}

is_own_link() {
    case $(readlink "$link" 2>/dev/null) in "$prefix"/*) ;; *) return 1 ;; esac
}

take_lock() {
    me=$(uname -n):$$
    until ln -s "$me" "$prefix/lock" 2>/dev/null; do
        holder=$(readlink "$prefix/lock") || fail $FAILED "$prefix cannot be written." "Pass another with --prefix."
        if [ "${holder%:*}" = "${me%:*}" ] && ! kill -0 "${holder##*:}" 2>/dev/null; then
            rm -f -- "$prefix/lock" # its process is gone
        else
            fail $FAILED "Another run is at work in $prefix: process ${holder##*:} on ${holder%:*}." \
                "Wait for it to end. If it is gone, remove $prefix/lock."
        fi
    done
    locked=yes
}

# keep NAMES...: remove the venvs other than these.
keep() {
    for folder in "$prefix"/venv-[0-9]*; do
        [ -d "$folder" ] || continue
        case " $* " in *" ${folder##*/} "*) ;; *) rm -rf -- "$folder" ;; esac
    done
}

# Remove what a run that was killed has left behind.
sweep() {
    rm -f -- "$prefix"/bin/envtool.[0-9]*
    if [ -n "$(current)" ]; then
        keep "$(current)"
    fi
}

next_number() {
    number=1
    while [ -e "$prefix/venv-$number" ]; do number=$((number + 1)); done
}

# Remove the venv that was made by hand, of which bin/envtool has just been replaced.
remove_plain_venv() {
    for entry in "$prefix"/bin/*; do
        [ "$entry" = "$prefix/bin/envtool" ] || rm -f -- "$entry"
    done
    for entry in lib lib64 include share .gitignore pyvenv.cfg; do
        rm -rf -- "${prefix:?}/$entry"
    done
}

# --- Installing --------------------------------------------------------------------------------------------------

install() {
    [ -f "$here/install_sh.py" ] || fail $MISSING "install_sh.py does not lie beside this script." "Run it as a file."
    check_prefix
    [ -z "$link" ] || check_link
    if [ -n "$python" ]; then check_python; else find_python; fi
    say "Python $version: $python"
    settle_source
    before=$("$prefix/bin/envtool" --version 2>/dev/null </dev/null)
    trap 'leave $?' EXIT
    trap interrupted INT TERM HUP
    mkdir -p -- "$prefix" || fail $FAILED "$prefix could not be made."
    take_lock
    sweep
    next_number
    build
    commit
    report
}

# What every end of a run goes through: nothing half-made is left.
leave() {
    clean_up
    exit "$1"
}

clean_up() {
    trap '' INT TERM HUP
    trap - EXIT # some shells end with the status of the trap
    [ -z "$new" ] || rm -rf -- "$new"
    [ -z "$locked" ] || rm -f -- "$prefix/lock"
    rmdir -- "$prefix/bin" "$prefix" 2>/dev/null
    new='' locked=''
}

interrupted() {
    [ ! -t 2 ] || show ''
    clean_up
    say "error: Interrupted."
    say_what_stands
    exit $INTERRUPTED
}

# give_up CODE MESSAGE [HINT]: end with an error after the installation has begun.
give_up() {
    clean_up
    say "error: $2"
    [ -z "${3-}" ] || say "hint: $3"
    say_what_stands
    exit "$1"
}

show_log() {
    tail -n 15 "$log" | helper redact >&2
}

# Build the new venv where it will stay. Nothing in use is touched.
build() {
    new=$prefix/venv-$number work=$new/.work log=$new/.work/log
    { mkdir -- "$new" && (umask 077 && mkdir -- "$work"); } || give_up $FAILED "$new could not be made."
    : >"$log"
    if ! "$python" -I -m venv --without-pip "$new" >>"$log" 2>&1 </dev/null; then
        show_log
        give_up $FAILED "$python could not make a venv." "Pass another Python with --python."
    fi
    set_pip_variables
    provide_pip
    say "Installing $source"
    if [ -n "$uv" ]; then
        shown "$uv" pip install --python "$new/bin/python" "$source"
    else
        shown "$new/bin/python" "$work/pip/pip" install "$source"
    fi || explain
    installed=$("$new/bin/envtool" --version 2>>"$log" </dev/null)
    case $installed in
        'envtool '*) ;;
        *) give_up $BAD_INPUT "$source was installed, but is no envtool that starts." ;;
    esac
}

# What pip may have in force for other purposes, and what must never stop a script.
set_pip_variables() {
    unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_REQUIRE_VIRTUALENV PIP_DRY_RUN PIP_QUIET PIP_VERBOSE PIP_LOG
    export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_COLOR=1
    export ENVTOOL_INSTALL_INDEX="$index"
}

# Have a pip to run, and an index that answers. pip itself stays out of the venv: envtool does not need it.
provide_pip() {
    if pip_version=$(helper bundled-pip "$work" 2>>"$log") && [ -n "$pip_version" ]; then
        learn "$new/bin/python" "$work/pip/pip"
        choose_index || no_index $?
    else
        learn "$python" -m pip
        if choose_index && [ -n "$url" ] && pip_version=$(helper fetch-pip "$work" "$url" 2>"$work/why"); then
            say "$python has no ensurepip: took pip $pip_version from $url"
            learn "$new/bin/python" "$work/pip/pip" # it knows its default index, which nobody knew before
            choose_index || no_index $?
        elif uv=$(command -v uv); then
            say "$python has no ensurepip, and no index gave pip: using $uv"
        else
            no_index $NETWORK
        fi
    fi
    tell_index
}

no_index() {
    why=$(cat "$work/why")
    give_up "$1" "${why:-There is no index to take pip from.}" "Pass another index with -i."
}

# learn PIP...: ask a pip for its configuration and its default index.
learn() {
    (
        cd -- "$work" || exit
        COLUMNS=10000 # no line breaks
        export COLUMNS
        "$@" config list >pip-config || rm -f pip-config
        [ -n "$index" ] || "$@" install --help >pip-help || rm -f pip-help
    ) 2>>"$log" </dev/null
}

# Set url, stands_in and told: the index without a login, why it is a mirror's, whether pip must be told.
choose_index() {
    answer=$(helper index "$work" 2>"$work/why") || return
    {
        IFS= read -r url
        IFS= read -r stands_in
        IFS= read -r told
    } <<END
$answer
END
    [ ! -f "$work/netrc" ] || export NETRC="$work/netrc"
}

tell_index() {
    if [ -n "$told" ]; then export PIP_INDEX_URL="$url"; fi
    if [ -n "$told$index" ]; then export UV_DEFAULT_INDEX="$url"; fi
    [ -z "$stands_in" ] || say "$stands_in"
}

# shown COMMAND...: run it with its output in the log; on a terminal, show where it is on one line.
shown() {
    if [ ! -t 2 ] || [ "${TERM-dumb}" = dumb ]; then
        "$@" >>"$log" 2>&1 </dev/null
        return
    fi
    case $pip_version in
        2[0-3].* | 24.0*) ;;
        *) export PIP_PROGRESS_BAR=raw ;; # lines that a program can read
    esac
    {
        PYTHONUNBUFFERED=1 "$@" 2>&1 </dev/null
        printf '%s\n' $? >"$work/status"
    } | progress
    return "$(cat "$work/status" 2>/dev/null || echo 1)"
}

# Write pip's output to the log, and show on one line where it is.
progress() {
    what=''
    while read -r line; do
        case $line in
            Progress*of*) # of a download, by a pip that knows raw progress
                show "$what$(fetched "${line#Progress }")"
                continue
                ;;
            Downloading*) what=$(download "${line#Downloading }") ;;
            Processing* | Collecting* | Installing* | Building* | Preparing* | Getting*)
                what=${line%%" (from "*} what=${what%%": "*}
                ;;
        esac
        printf '%s\n' "$line" >>"$log"
        show "$what"
    done
    show ''
}

# Replace the line that is shown.
show() {
    printf '\r\033[K%.72s' "$1" >&2
}

# download "URL/uv-0.13.9-py3-none-any.whl (25.3 MB)": print "Downloading uv 0.13.9 (25.3 MB)".
download() {
    file=${1%% *} size=${1#"${1%% *}"}
    file=${file##*/}
    release=${file#*-}
    printf 'Downloading %s %s%s\n' "${file%%-*}" "${release%%-*}" "$size"
}

# fetched "12345678 of 25300000": print ": 12 MB of 25", where that is enough to be worth it.
fetched() {
    [ "${1##* }" -lt 5000000 ] || printf ': %s MB of %s\n' $((${1%% *} / 1000000)) $((${1##* } / 1000000))
}

# End with the reason why pip has failed.
explain() {
    show_log
    if grep -Eq 'ConnectTimeout|ReadTimeout|timed out|Max retries|ProxyError|SSLError|CERTIFICATE|name resolution|Connection (broken|refused|reset)|IncompleteRead|HTTP error|Client Error|Server Error|No matching distribution' "$log"; then
        give_up $NETWORK "The packages could not be fetched." "Pass another index with -i."
    fi
    give_up $FAILED "$source could not be installed."
}

# Make the new venv the one in use. Signals wait for these few steps.
commit() {
    helper record "$new/install.json" "envtool=${installed#envtool }" "prefix=$prefix" "link=$link" "source=$source" \
        "python=$python" "python_version=$version" "index=${told:+$url}" || give_up $FAILED "$new cannot be written."
    rm -rf -- "$work"
    log=''
    previous=$(current)
    trap '' INT TERM HUP
    switch_to "${new##*/}" || give_up $FAILED "$prefix/bin cannot be written."
    keep "$previous" "${new##*/}"
    new=''
    if is_plain_venv; then remove_plain_venv; fi
    [ -z "$link" ] || make_link
}

# Have bin/envtool lead to another venv, at one stroke.
switch_to() {
    mkdir -p -- "$prefix/bin" &&
        ln -s "../$1/bin/envtool" "$prefix/bin/envtool.$$" &&
        mv -f -- "$prefix/bin/envtool.$$" "$prefix/bin/envtool"
}

make_link() {
    mkdir -p -- "${link%/*}" || fail $FAILED "${link%/*} could not be made." "envtool is installed: $prefix/bin/envtool"
    [ "$(readlink "$link" 2>/dev/null)" != "$prefix/bin/envtool" ] || return 0
    if [ -h "$link" ] && is_own_link; then rm -f -- "$link"; fi
    ln -s "$prefix/bin/envtool" "$link" || fail $FAILED "$link could not be made." "envtool is installed: $prefix/bin/envtool"
}

report() {
    printf '%s is installed: %s\n' "$installed" "${link:-$prefix/bin/envtool}"
    [ -n "$link" ] || return 0
    case ":${PATH-}:" in
        *":${link%/*}:"*)
            first=$(command -v envtool)
            [ "$first" = "$link" ] || say "note: another envtool comes first on PATH: $first"
            ;;
        *)
            say "note: ${link%/*} is not on PATH. This line puts it there, in new shells:"
            say "    $(path_line)"
            ;;
    esac
}

# Print the command that puts ~/.local/bin on PATH in the user's shell.
path_line() {
    # shellcheck disable=SC2016 # these are for the user's shell to expand
    case ${SHELL-} in
        */fish) printf '%s\n' 'fish_add_path ~/.local/bin' ;;
        */zsh) printf '%s\n' "echo 'export PATH=\"\$HOME/.local/bin:\$PATH\"' >> ~/.zshrc" ;;
        */bash) printf '%s\n' "echo 'export PATH=\"\$HOME/.local/bin:\$PATH\"' >> ~/.bashrc" ;;
        */csh | */tcsh) printf '%s\n' "echo 'setenv PATH \"\$HOME/.local/bin:\$PATH\"' >> ~/.cshrc" ;;
        *) printf '%s\n' "echo 'export PATH=\"\$HOME/.local/bin:\$PATH\"' >> ~/.profile" ;;
    esac
}

# --- Removing ----------------------------------------------------------------------------------------------------

uninstall() {
    plain=''
    if is_plain_venv; then plain=yes; fi
    for folder in "$prefix"/venv-[0-9]*; do break; done
    [ -n "$plain" ] || [ -n "$(current)" ] || [ -d "$folder" ] || fail $MISSING "There is no envtool in $prefix."
    [ -z "$link" ] || is_own_link || link=''
    if [ -z "$yes" ]; then confirm "Remove envtool from $prefix${link:+, and $link}?"; fi
    trap 'leave $?' EXIT
    take_lock
    trap '' INT TERM HUP
    [ -z "$link" ] || rm -f -- "$link"
    [ -z "$plain" ] || remove_plain_venv
    rm -f -- "$prefix/bin/envtool" "$prefix"/bin/envtool.[0-9]*
    keep
    clean_up
    for entry in "$prefix"/bin/envtool "$prefix"/venv-[0-9]*; do
        [ ! -e "$entry" ] || fail $FAILED "$entry could not be removed."
    done
    printf 'envtool is removed from %s.\n' "$prefix"
    [ ! -e "$prefix" ] || say "note: $prefix holds other files and stays."
}

confirm() {
    [ -t 0 ] || fail $USAGE "Removing envtool needs confirmation." "Add --yes when not on a terminal."
    printf '%s [y/N] ' "$1" >&2
    read -r reply || say ''
    case ${reply-} in
        y | Y | yes | Yes | YES) ;;
        *) fail $FAILED "Cancelled: nothing was removed." ;;
    esac
}

# -----------------------------------------------------------------------------------------------------------------

action=install index=${ENVTOOL_INSTALL_INDEX-} source='' prefix='' python='' link=yes yes=''
seen=$NEWLINE new='' locked='' before='' uv='' url='' stands_in='' told='' version='' log='' pip_version=''
here=$(cd -- "$(dirname -- "$0")" && pwd)
parse "$@"
settle_arguments
"$action"
