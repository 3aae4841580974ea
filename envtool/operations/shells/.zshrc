ZDOTDIR=$ENVTOOL_ZDOTDIR
# macOS has put the history beside what it took for the user's files.
if [[ $HISTFILE == $ENVTOOL_SHELLS/* ]]; then HISTFILE=$ZDOTDIR/.zsh_history; fi
if [[ -f $ZDOTDIR/.zshrc ]]; then . "$ZDOTDIR/.zshrc"; fi
. "$ENVTOOL_SHELLS/activate.sh"
