#!/bin/sh
# A NameNode and a DataNode on the loopback, in the current folder, until that folder or the process GITML_TEST_PID is
# gone. Prints the NameNode's HTTP port once a file can be written.
#
# usage: hdfs.sh FOLDER-WITH-HADOOP-2.7-JARS
set -eu
jars=$1
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
p0=$(port) p1=$(port) p2=$(port) p3=$(port) p4=$(port)
mkdir -p conf web/webapps/hdfs web/webapps/datanode web/webapps/secondary
property() { echo "<property><name>$1</name><value>$2</value></property>"; }
{
    echo '<configuration>'
    property fs.defaultFS "hdfs://127.0.0.1:$p0"
    property hadoop.tmp.dir "$PWD/tmp"
    echo '</configuration>'
} >conf/core-site.xml
{
    echo '<configuration>'
    property dfs.replication 1
    property dfs.namenode.http-address "127.0.0.1:$p1"
    property dfs.datanode.address "127.0.0.1:$p2"
    property dfs.datanode.http.address "127.0.0.1:$p3"
    property dfs.datanode.ipc.address "127.0.0.1:$p4"
    property dfs.datanode.hostname 127.0.0.1
    property dfs.namenode.datanode.registration.ip-hostname-check false
    property dfs.permissions.enabled true
    property dfs.namenode.safemode.extension 0
    property dfs.webhdfs.enabled true
    echo '</configuration>'
} >conf/hdfs-site.xml
path=conf:web
for jar in "$jars"/*.jar /usr/share/java/jersey1-server.jar /usr/share/java/jersey1-core.jar \
    /usr/share/java/jersey1-servlet.jar /usr/share/java/jsr311-api.jar /usr/share/java/asm-all.jar; do
    path=$path:$jar
done
start() {
    exec java -Xmx256m -Djava.net.preferIPv4Stack=true -Dhadoop.home.dir="$PWD" \
        --add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED -cp "$path" "$@"
}
(start org.apache.hadoop.hdfs.server.namenode.NameNode -format -force -nonInteractive) >format.log 2>&1
(start org.apache.hadoop.hdfs.server.namenode.NameNode) >name.log 2>&1 &
name=$!
(start org.apache.hadoop.hdfs.server.datanode.DataNode) >data.log 2>&1 &
data=$!
trap 'kill $name $data 2>/dev/null' EXIT
for _ in $(seq 600); do
    kill -0 $name
    kill -0 $data
    ready=$(curl -s -m 5 -o /dev/null -w '%{http_code}' -L -X PUT -d x \
        "http://127.0.0.1:$p1/webhdfs/v1/tmp/ready?op=CREATE&overwrite=true&user.name=$(id -un)" || :)
    [ "$ready" != 201 ] || break
    sleep 0.2
done
[ "$ready" = 201 ]
echo "$p1"
while [ -d "$PWD" ] && [ -f conf/hdfs-site.xml ] && [ -d "/proc/${GITML_TEST_PID:-self}" ]; do sleep 0.5; done
