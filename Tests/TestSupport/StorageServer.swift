import Base
import Glibc

/// A storage server that others wrote, on the loopback for one test; it ends with the value.
public final class StorageServer: Sendable {
    /// `http://127.0.0.1:PORT`.
    public let url: String
    private let box: Sandbox
    private let process: String

    /// The folder with SeaweedFS, rclone and other servers from PyPI: `GITML_SERVERS`, or what is on PATH.
    private static let folder = getenv("GITML_SERVERS").map { String(cString: $0) + "/" } ?? ""

    /// Whether a server program can be started.
    public static func has(_ program: String) -> Bool {
        (try? Subprocess(["/bin/sh", "-c", "command -v '\(folder)\(program)'"]).run().status) == 0
    }

    /// Runs a command of the shell in the sandbox and waits until a request is answered with something below 500.
    ///
    /// - Parameters:
    ///   - program: the server's name; the command sees its path as `$server`.
    ///   - ready: a path that answers when the server can work.
    public init(
        _ box: Sandbox, _ program: String, port: Int, ready: String, command: String, address: String = "127.0.0.1",
        patience: Int = 90
    ) throws {
        self.box = box
        url = "http://\(address):\(port)"
        let log = "\(program)-\(port).log"
        process = try box.run("server='\(StorageServer.folder)\(program)'; (\(command)) >\(log) 2>&1 & echo $!").output
            .filter { $0 != "\n" }
        for _ in 0..<patience * 10 {
            let answer = try box.attempt("curl -s -g -o /dev/null -m 2 -w '%{http_code}' '\(url)\(ready)'").output
            if let status = Int(answer), (200..<500).contains(status) { return }
            guard try box.attempt("kill -0 \(process)").status == 0 else { break }
            usleep(100_000)
        }
        throw MLError(.failed, "\(program) did not start: \((try? box.text(log))?.suffix(2000) ?? "")")
    }

    /// Makes a bucket of an S3 server with the keys `testkey`/`testsecret`.
    public func makeBucket(_ name: String) throws {
        let signed =
            "curl -s -g -o /dev/null -m 5 -w '%{http_code}' --user testkey:testsecret --aws-sigv4 aws:amz:us-east-1:s3"
        for _ in 0..<50 {
            let status = try box.attempt("\(signed) -X PUT '\(url)/\(name)'").output
            if status == "200" || status == "409" { return }
            usleep(200_000)
        }
        throw MLError(.failed, "the server makes no bucket '\(name)'")
    }

    deinit { _ = try? box.attempt("kill -9 \(process)") }
}

extension StorageServer {
    /// SeaweedFS with the keys `testkey`/`testsecret`, and `rokey`/`rosecret` who may only read.
    public static func seaweed(_ box: Sandbox) throws -> StorageServer {
        try box.write(
            """
            {"identities": [
              {"name": "admin", "credentials": [{"accessKey": "testkey", "secretKey": "testsecret"}],
               "actions": ["Admin", "Read", "Write", "List"]},
              {"name": "ro", "credentials": [{"accessKey": "rokey", "secretKey": "rosecret"}], "actions": ["Read", "List"]}]}
            """, to: "s3.json")
        // Each service opens a second port, 10,000 above.
        let port = Ports.free(4, above: 10_000)
        return try StorageServer(
            box, "weed", port: port + 3, ready: "/healthz",
            command: """
                mkdir -p weed && exec "$server" -logtostderr=true server -dir=weed -ip=127.0.0.1 -ip.bind=127.0.0.1 \
                -master.port=\(port) -volume.port=\(port + 1) -filer -filer.port=\(port + 2) -s3 -s3.port=\(port + 3) \
                -s3.port.iceberg=0 -s3.port.lance=0 -s3.config=s3.json -s3.allowDeleteBucketNotEmpty=false -master.telemetry=false \
                -master.volumeSizeLimitMB=64 -volume.max=50
                """)
    }

    /// Whether rclone is new enough to be an S3 server.
    public static let hasRcloneS3 =
        (try? Subprocess(["/bin/sh", "-c", "'\(folder)rclone' serve s3 --help 2>&1 | grep -q -- --addr"]).run().status)
        == 0

    /// rclone as S3 server, with the keys `testkey`/`testsecret`.
    public static func rcloneS3(_ box: Sandbox, address: String = "127.0.0.1") throws -> StorageServer {
        let port = Ports.free()
        return try StorageServer(
            box, "rclone", port: port, ready: "/",
            command: """
                mkdir -p rclone-data/bucket && exec "$server" serve s3 --config /dev/null --addr '\(address):\(port)' \
                --auth-key testkey,testsecret rclone-data
                """, address: address)
    }

    /// rclone as WebDAV server.
    public static func rcloneDAV(_ box: Sandbox) throws -> StorageServer {
        let port = Ports.free()
        return try StorageServer(
            box, "rclone", port: port, ready: "/",
            command:
                "mkdir -p dav-data && exec \"$server\" serve webdav --config /dev/null --addr 127.0.0.1:\(port) dav-data"
        )
    }

    /// fake-gcs-server with the bucket `bucket`.
    public static func fakeGCS(_ box: Sandbox) throws -> StorageServer {
        let port = Ports.free()
        try box.run("mkdir -p gcs/bucket")
        return try StorageServer(
            box, "fake-gcs-server", port: port, ready: "/storage/v1/b/bucket",
            command: """
                exec "$server" -scheme http -host 127.0.0.1 -port \(port) -public-host 127.0.0.1:\(port) \
                -external-url http://127.0.0.1:\(port) -backend filesystem -filesystem-root gcs
                """)
    }
}
