#!/usr/bin/env bash
# Does the guide build as a book? Builds mdbook first, at a version we know.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"

version=0.5.4
tools=$target/tools
if [ "$("$tools/bin/mdbook" --version 2>/dev/null)" != "mdbook v$version" ]; then
    cargo install --locked --root "$tools" --version "$version" mdbook
fi
"$tools/bin/mdbook" build migration-guide --dest-dir "$target/guide"

pages=0
for page in migration-guide/pages/*.md; do
    name=$(basename "$page" .md)
    [ "$name" = SUMMARY ] && continue
    [ -f "$target/guide/$name.html" ] || die "$page is not in the book"
    pages=$((pages + 1))
done
report "$pages" 0 0
