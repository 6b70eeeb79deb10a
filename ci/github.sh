#!/bin/bash
# The step of action.yml. Its inputs are environment variables: RULES, CAPTURES, BASE, ALLOW, FAIL_ON, OPTIONS, SARIF.
# Annotations go to stdout, where the runner looks for them, a page to the job's summary; the exit code is pcapaudit's.
set -uo pipefail

read -ra captures <<<"$CAPTURES"
read -ra options <<<"$OPTIONS"
read -ra allowed <<<"$ALLOW"
work=$(mktemp -d)
trap 'git worktree remove --force "$work/base" 2>/dev/null; rm -rf "$work"' EXIT
reports=(--report github --report "sarif=$SARIF" --report "markdown=$work/summary.md")

status=0
# The whole tree of the base, so that files which the ruleset includes are those of then.
if [ -n "$BASE" ] && git cat-file -e "$BASE:$RULES" 2>/dev/null && git worktree add --quiet --detach "$work/base" "$BASE"; then
    pcapaudit diff "$work/base/$RULES" "$RULES" "${captures[@]}" "${options[@]}" "${allowed[@]/#/--allow=}" "${reports[@]}" || status=$?
else
    echo "no $RULES at ${BASE:-any base}: an audit instead of a comparison" >&2
    pcapaudit audit "${captures[@]}" --rules "$RULES" "${options[@]}" --fail-on "$FAIL_ON" "${reports[@]}" || status=$?
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -s "$work/summary.md" ]; then
    cat "$work/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
