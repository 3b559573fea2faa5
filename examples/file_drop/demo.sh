#!/bin/sh
# Five clients and a server, each a process of its own, with a directory between them. One client is killed on the way.
#
#     cargo build --release --example file_drop
#     examples/file_drop/demo.sh [MESSAGE]
#
# MESSAGE is the last one that client 3 sends: advert, shares (the default), input, consistency or reveal.
set -eu
last=${1:-shares}
case $last in advert | shares | input | consistency | reveal) ;; *) echo "error: $last is none of its messages" >&2 && exit 2 ;; esac
here=$(cd "$(dirname "$0")/../.." && pwd)
program=${CARGO_TARGET_DIR:-$here/target}/release/examples/file_drop
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

for party in server 1 2 3 4 5; do "$program" keygen --out $party > /dev/null; done
{
    echo 'round = 1'
    echo 'attempt = 9f86d081884c7d659a2feaa0c55ad015 # another one for every try'
    echo 'values = 3'
    echo 'clip = 1000'
    echo 'fraction_bits = 16'
    echo "server = $(cat server.pub)"
    for id in 1 2 3 4 5; do echo "client $id = $(cat $id.pub)"; done
} > session.txt
mkdir drop

"$program" server --session session.txt --key server.key --dir drop --out sum.txt --deadline 2 &
server=$!
run_client() {
    echo "$1 10.5 -0.25" > "$1.txt"
    exec "$program" client --session session.txt --key "$1.key" --dir drop --input "$1.txt" --out "sum-$1.txt" --deadline 20
}
run_client 3 &
third=$!
pids=
for id in 1 2 4; do
    run_client $id &
    pids="$pids $!"
done
# Client 5 holds every step open until client 3 is dead.
run_client 5 &
fifth=$!
kill -STOP $fifth
for message in advert shares input consistency reveal; do
    while ! [ -e drop/client-3.$message ] && kill -0 $third 2> /dev/null; do sleep 0.02; done
    if [ $message = "$last" ]; then
        kill -KILL $third 2> /dev/null || true
        echo "client 3 is killed after its message: $message"
        break
    fi
    kill -CONT $fifth
    while ! [ -e drop/client-5.$message ]; do sleep 0.02; done
    kill -STOP $fifth
done
kill -CONT $fifth
wait $server
for pid in $pids $fifth; do wait "$pid"; done
wait $third || true
for id in 1 2 4 5; do cmp sum.txt sum-$id.txt; done
echo "the sum:" && cat sum.txt
