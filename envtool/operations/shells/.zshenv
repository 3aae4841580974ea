# The user's own file may say where his other files are.
ZDOTDIR=${ENVTOOL_ZDOTDIR:-$HOME}
if [[ -f $ZDOTDIR/.zshenv ]]; then . "$ZDOTDIR/.zshenv"; fi
ENVTOOL_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$ENVTOOL_SHELLS
