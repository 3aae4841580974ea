if [ -f ~/.bashrc ]; then . ~/.bashrc; fi
. "$ENVTOOL_SHELLS/activate.sh"
