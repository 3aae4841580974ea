# For bash and zsh. What was active outside, or what the user's files have just activated, leaves PATH and the prompt.
_envtool_drop() {
    PATH=":$PATH:"
    while case "$PATH" in *":$1:"*) true ;; *) false ;; esac; do
        PATH="${PATH%%":$1:"*}:${PATH#*":$1:"}"
    done
    PATH="${PATH#:}"
    PATH="${PATH%:}"
}
if [ -n "${CONDA_PREFIX:-}" ]; then _envtool_drop "$CONDA_PREFIX/bin"; fi
if [ -n "${VIRTUAL_ENV:-}" ]; then _envtool_drop "$VIRTUAL_ENV/bin"; fi
PS1="${PS1#"${CONDA_PROMPT_MODIFIER:-}"}"
eval "$ENVTOOL_ACTIVATE"
unset -f _envtool_drop
unset ENVTOOL_ACTIVATE ENVTOOL_SHELLS ENVTOOL_ZDOTDIR
hash -r
