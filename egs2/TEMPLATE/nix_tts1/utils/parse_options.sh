#!/usr/bin/env bash
# Sourced by a script after it has declared its options as shell variables: sets them from "--name value".
# "-" and "_" in a name are alike; every option needs a value; "--config FILE" is sourced before the other options;
# "--help" prints ${help_message}. An unknown name is an error (exit 2). Positional arguments are left in "$@".

_option_error() {
    echo "$0: $*" >&2
    echo "$0 --help lists the options" >&2
    exit 2
}

_next_is_config=false
for _word in "$@"; do
    if ${_next_is_config}; then
        [ -r "${_word}" ] || _option_error "--config ${_word}: no such file"
        # shellcheck source=/dev/null
        . "${_word}"
    fi
    if [ "${_word}" = --config ]; then _next_is_config=true; else _next_is_config=false; fi
done

while [ $# -gt 0 ]; do
    case "$1" in
        --help|-h)
            echo "${help_message:-no help is available}"
            exit 0 ;;
        --config)
            [ $# -ge 2 ] || _option_error "option --config needs a value"
            shift 2 ;;
        --*=*)
            _option_error "expected '--name value' with a blank, found '$1'" ;;
        --?*)
            _name=${1#--}
            _name=${_name//-/_}
            [[ ${_name} =~ ^[a-z][a-z0-9_]*$ ]] && [ -n "${!_name+set}" ] || _option_error "unknown option $1"
            [ $# -ge 2 ] || _option_error "option $1 needs a value"
            _old=${!_name}
            if [ "${_old}" = true ] || [ "${_old}" = false ]; then
                [ "$2" = true ] || [ "$2" = false ] || _option_error "expected true or false after $1, found '$2'"
            elif [[ ${_old} =~ ^[0-9]+$ ]]; then
                [[ $2 =~ ^[0-9.]+$ ]] || _option_error "expected a number after $1, found '$2'"
            fi
            printf -v "${_name}" '%s' "$2"
            shift 2 ;;
        *)
            break ;;
    esac
done
unset _word _name _old _next_is_config
