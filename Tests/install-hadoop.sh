#!/usr/bin/env bash
# Brings the jars of a NameNode and a DataNode (Hadoop 2.7.3, out of PySpark's source archive, 218 MB) for the tests of WebHDFS.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.build/test-hadoop
[ ! -d "$folder/jars" ] || exit 0
root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends default-jre-headless curl \
    python3-venv libjersey1-{server,core,servlet}-java libjsr311-api-java libasm-java >/dev/null
rm -rf "$folder" && mkdir -p "$folder/partial"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check wheel setuptools
(
    cd "$folder"
    venv/bin/pip download -q --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation pyspark==2.4.8
    tar xzf pyspark-2.4.8.tar.gz pyspark-2.4.8/deps/jars
    for name in hadoop-{annotations,auth,common,hdfs} jetty-{6,util} htrace-core leveldbjni xercesImpl xmlenc \
        commons-{cli,collections,configuration-1,io,lang-2,logging,codec,httpclient,digester} guava-14 \
        jackson-{core,mapper}-asl log4j-1 apache-log4j-extras slf4j-{api,log4j12} netty-{3,all} protobuf-java jsp-api \
        javax.servlet-api jaxb-api jsr305 activation httpclient httpcore curator zookeeper gson; do
        cp pyspark-2.4.8/deps/jars/"$name"*.jar partial/
    done
    rm -rf pyspark-2.4.8 pyspark-2.4.8.tar.gz venv
    mv partial jars
)
