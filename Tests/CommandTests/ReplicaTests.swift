import Base
import Glibc
import TestSupport
import Testing

@Suite struct ReplicaTests {
    private static let client = "python3 '\(Sandbox.package)/Tests/Servers/rude_client.py'"

    private func processes(_ server: ModelServer, in folder: String = "repo") throws -> [Int] {
        try server.state(in: folder)["replicas"]?["processes"]?.arrayValue?.compactMap(\.intValue) ?? []
    }

    @Test func `replicas that are killed under load cost no request, and come back`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD --replicas 2")
        let line = try box.run("git mlrun predict HEAD --json --text 'a fine film'", in: "repo").output
        let answer = try server.ask("-d '\"a fine film\"'", "/predict").body
        #expect(try answer["probabilities"] == JSON(parsing: line)["probabilities"])
        let first = try processes(server)
        #expect(first.count == 2)
        try box.run("\(ReplicaTests.client) \(server.port) load 4 > ../load.json &", in: "repo")
        for _ in 0..<4 {
            usleep(700_000)
            for process in try processes(server).prefix(1) { kill(pid_t(process), SIGKILL) }
        }
        #expect(
            try server.waits {
                let now = $0["replicas"]?["processes"]?.arrayValue?.compactMap(\.intValue) ?? []
                return now.count == 2 && Set(now).isDisjoint(with: first.prefix(1))
                    && ($0["replicas"]?["restarts"]?.intValue ?? 0) >= 3
            })
        for _ in 0..<100 where try box.text("load.json").isEmpty { usleep(100_000) }
        let load = try JSON(parsing: box.text("load.json"))
        #expect(load["bad"] == [] && load["answers"]?.objectValue?.count == 1, "\(load)")
        #expect(try server.curl("", "/metrics").contains("state=\"wanted\"} 2"))
        // Explanations ask the replicas as well.
        let explained = try server.ask("-d '{\"text\": \"a fine film\", \"explain\": true}'", "/predict").body
        #expect(explained["explanation"]?["words"]?.arrayValue?.count == 3)
        try server.signal("TERM")
        #expect(try server.ends())
    }

    @Test func `a program that dies or hangs in a replica is blamed alone`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(
            """
            import json, os, sys, time
            for line in sys.stdin:
                request = json.loads(line)
                if "hang" in request["texts"]: time.sleep(3600)
                if "die" in request["texts"]: os.kill(os.getppid(), 9)
                print(json.dumps({"id": request["id"], "labels": ["a", "b"],
                    "probabilities": [[0.25, 0.75]] * len(request["texts"])}), flush=True)

            """, to: "repo/model.py")
        let server = try ModelServer(box, "--predictor 'exec python3 model.py' --replicas 2 --timeout 2")
        // One that hangs does not make the server unready: another is there.
        #expect(try server.ask("-d '\"hang\"'", "/predict").status == 504)
        #expect(try server.ask("", "/readyz").status == 200)
        // The program ends its replica: three times, then it is answered that the model failed.
        #expect(try server.ask("-d '\"die\"'", "/predict").status == 500)
        let later = try box.run(
            "for i in 1 2 3 4; do curl -s -m 30 -o /dev/null -w '%{http_code} ' -d '\"x\"' \(server.url)/predict; done")
        #expect(later.output == "200 200 200 200 ")
        #expect(try box.text(server.log).contains("replica"))
        // One that cannot start is said so at once.
        let refused = try box.attempt(
            "timeout 60 git mlrun serve --port 0 --predictor 'exit 3' --replicas 2", in: "repo")
        #expect(refused.status == 128 && refused.errors.contains("exit 3"), "\(refused.errors)")
    }

    @Test func `the number follows the load, down to nothing`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(
            box,
            """
            HEAD --min-replicas 0 --max-replicas 3 --tick 1 --window 2 --upscale-stabilization 0 \
            --downscale-stabilization 2 --target-in-flight 0.2
            """)
        #expect(try server.waits { $0["replicas"]?["wanted"] == 0 })
        #expect(try server.ask("-d '\"a\"'", "/predict").status == 200)
        try box.run("\(ReplicaTests.client) \(server.port) load 6 > ../load.json &", in: "repo")
        #expect(try server.waits { ($0["replicas"]?["wanted"]?.intValue ?? 0) >= 2 })
        #expect(try server.waits { $0["replicas"]?["wanted"] == 0 && $0["replicas"]?["processes"] == [] })
        let load = try JSON(parsing: box.text("load.json"))
        #expect(load["bad"] == [], "\(load)")
    }
}
