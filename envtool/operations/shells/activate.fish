# What was active outside, or what the user's files have just activated, leaves PATH.
set -l kept
for folder in $PATH
    if not contains -- $folder $CONDA_PREFIX/bin $VIRTUAL_ENV/bin
        set -a kept $folder
    end
end
set -gx PATH $kept
eval $ENVTOOL_ACTIVATE
set -e ENVTOOL_ACTIVATE
set -e ENVTOOL_SHELLS
# conda's own set-up for fish shows its environments in the prompt already.
if not functions -q __conda_add_prompt; or not set -q CONDA_PROMPT_MODIFIER
    functions -c fish_prompt _envtool_users_prompt
    function _envtool_status
        return $argv[1]
    end
    function fish_prompt
        set -l last $status
        printf '(%s) ' $_envtool_title
        _envtool_status $last
        _envtool_users_prompt
    end
end
