#!/usr/bin/env bash
# run RECIPE [options]: a recipe of egs2, with data/, dump/ and exp/ in /data/RECIPE
# speak TEXT --voice FOLDER -o FILE.wav: nix-tts
# anything else runs as it is
set -euo pipefail
case "${1:-}" in
    run)
        recipe=${2:?"which recipe? kss, emotiontts or toy_kss"}
        shift 2
        source=/opt/espnet2_nix/egs2
        [ -d "${source}/${recipe}" ] || { echo "no recipe ${recipe}; there are: $(ls "${source}")" >&2; exit 2; }
        # The image's own folder is lost with the container, and another user than root may not write to it: the recipe runs in
        # a copy, and what it writes lies in the mounted folder.
        work=$(mktemp -d)
        cp -R "${source}" "${work}/egs2"
        cd "${work}/egs2/${recipe}/nix_tts1"
        for name in data dump exp downloads; do
            mkdir -p "/data/${recipe}/${name}"
            ln -sfn "/data/${recipe}/${name}" "${name}"
        done
        exec ./run.sh "$@" ;;
    speak)
        shift
        exec nix-tts "$@" ;;
    "")
        sed -n '2,4s/^# //p' "$0" ;;
    *)
        exec "$@" ;;
esac
