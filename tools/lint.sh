#!/bin/sh
# Everything that can be said of the code without running it; every check runs, the exit code is the worst.
cd "$(dirname "$0")/.." || exit 1
bin=.venv/bin
worst=0

check() {
    title=$1
    shift
    if output=$("$@" 2>&1); then
        printf 'ok      %s\n' "$title"
    else
        worst=1
        printf 'FAILED  %s: %s\n%s\n' "$title" "$*" "$output"
    fi
}

scripts() { # tracked and new shell scripts, by name or by their first line
    git ls-files --cached --others --exclude-standard 2>/dev/null | while read -r file; do
        case $file in
            *.sh | .ci/run) [ -f "$file" ] && printf '%s\n' "$file" ;;
        esac
    done
}

check "ruff check" $bin/ruff check .
check "ruff format" $bin/ruff format --check .
if [ -x $bin/mypy ]; then
    check "mypy" $bin/python -m mypy
else # types are judged with the pinned packages only, not with those of a ROS installation
    echo "skipped mypy: not installed in .venv"
fi
check "nothing newer than Python 3.10" $bin/vermin --target=3.10- --violations --quiet --eval-annotations \
    autonomy_perception kernels launch test tools noxfile.py setup.py
check "import floors" $bin/lint-imports --no-logo
# shellcheck disable=SC2046 # file names here hold no spaces
check "shellcheck" $bin/shellcheck $(scripts)
check "package.xml" $bin/python tools/check_package_xml.py
exit $worst
