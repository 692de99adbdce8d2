import Base
import Glibc
import TestSupport
import Testing

@Suite struct MonitorTests {
    @Test func `what a server did, against its training, on the terminal, as a page and in the note`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD")
        for text in ["a fine film", "qwertz asdf yxcv", "dull"] { _ = try server.ask("-d '\"\(text)\"'", "/predict") }
        _ = try server.ask("-d '{bad'", "/predict")
        let line = try box.run("git mlrun monitor \(server.url) --once --json --html ../page.html", in: "repo").output
        let summary = try JSON(parsing: line)
        let commit = try box.run("git rev-parse HEAD", in: "repo").output.filter { $0 != "\n" }
        #expect(summary["model_version"] == .string(commit) && summary["requests"]?["codes"] == ["200": 3, "400": 1])
        #expect(summary["requests"]?["refused"] == 0.25 && summary["requests"]?["failed"] == 0.0)
        #expect((summary["latency"]?["p99"]?.doubleValue ?? 0) > 0)
        let generation = summary["generations"]?.arrayValue?.first
        #expect(generation?["predictions"] == 3 && generation?["current"] == true)
        let drift = generation?["drift"]?.objectValue
        #expect(drift?.keys == ["classes", "scores", "characters", "unknown_words"])
        #expect((drift?["unknown_words"]?["psi"]?.doubleValue ?? 0) > 0.25)
        let shares = generation?["classes"]?.objectValue?.pairs.compactMap { $0.value["share"]?.doubleValue } ?? []
        #expect(shares.count == 2 && abs(shares.reduce(0, +) - 1) < 1e-12)
        let page = try box.text("page.html")
        #expect(
            page.contains(commit) && !page.contains("http://www.w3.org/1999") && page.contains("const live = false"))
        // The server of this repository is found without an address.
        let text = try box.run("git mlrun monitor --once --record", in: "repo").output
        #expect(text.contains("Jensen-Shannon") && text.contains("3 predictions"))
        let metrics = try JSON(parsing: box.run("git mlrun show HEAD --json", in: "repo").output)["metrics"]
        #expect(
            metrics?.compact().contains("\"serving.predictions\": 3") == true || metrics?["serving"] != nil,
            "\(metrics?.compact() ?? "")")
        #expect(
            try box.run("git mlrun monitor \(server.url) --count 2 --interval 0.2 --json", in: "repo").output.split(
                separator: "\n"
            ).count == 2)
        for (wrong, status) in [("http://127.0.0.1:1", 128), ("ftp://x", 129), ("\(server.url)/predict", 128)] {
            #expect(
                try box.attempt("git mlrun monitor \(wrong) --once", in: "repo").status == Int32(status), "\(wrong)")
        }
    }

    @Test func `the page asks for more`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD")
        try box.run(
            """
            git-mlrun monitor \(server.url) --listen 0 --interval 0.2 >/dev/null 2>said & echo $! >monitor
            (while kill -0 \(getpid()) && kill -0 $(cat monitor); do sleep 1; done; kill -9 $(cat monitor)) >/dev/null 2>&1 &
            """)
        defer { _ = try? box.attempt("kill -9 $(cat monitor)") }
        var url = ""
        for _ in 0..<1200 where url.isEmpty {
            url = try box.attempt("grep -o 'http://127.0.0.1:[0-9]*/$' said || sleep 0.05").output.filter { $0 != "\n" }
        }
        #expect(try box.run("curl -s \(url)").output.contains("const live = true"))
        _ = try server.ask("-d '\"a fine film\"'", "/predict")
        var count: Int?
        for _ in 0..<400 where count != 1 {
            count = try JSON(parsing: box.run("sleep 0.05; curl -s \(url)summary.json").output)["requests"]?["count"]?
                .intValue
        }
        #expect(count == 1)
        #expect(try box.run("curl -s -o /dev/null -w '%{http_code}' \(url)nothing").output == "404")
        // The server ends: the page keeps its last numbers, and says so.
        try server.signal("KILL")
        var error: String?
        for _ in 0..<400 where error == nil {
            error = try JSON(parsing: box.run("sleep 0.05; curl -s \(url)summary.json").output)["error"]?.stringValue
        }
        #expect(error != nil)
        try box.run("kill -TERM $(cat monitor)")
        for _ in 0..<400 where try box.attempt("kill -0 $(cat monitor)").status == 0 { try box.run("sleep 0.05") }
        #expect(try box.attempt("kill -0 $(cat monitor)").status != 0)
    }

    @Test(.enabled(if: Sandbox.hasPrograms("promtool"), "promtool is not installed"))
    func `Prometheus takes the metrics, the rules and the dashboard`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD")
        _ = try server.ask("-d '\"a fine film\"'", "/predict")
        let lint = try box.run("curl -s \(server.url)/metrics | promtool check metrics 2>&1").output
        #expect(lint.isEmpty)
        let folder = Sandbox.package + "/Examples/monitoring"
        try box.run(
            "promtool check config '\(folder)/prometheus.yml' && promtool test rules '\(folder)/alerts.test.yml'")
        // The dashboard's expressions, as rules: they parse, and what they are of is on the page or recorded.
        let page = try server.curl("", "/metrics")
        let rules = try Files.readText(folder + "/alerts.yml")
        var expressions: [JSON] = []
        for panel in try JSON(parsing: Files.read(folder + "/dashboard.json"))["panels"]?.arrayValue ?? [] {
            for target in panel["targets"]?.arrayValue ?? [] {
                let text = (target["expr"]?.stringValue ?? "").replacing("$__rate_interval", with: "5m").replacing(
                    "$job", with: ".*")
                expressions.append(["record": JSON("dashboard:\(expressions.count)"), "expr": .string(text)])
                for name in text.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != ":" })
                where name.hasPrefix("gitml") {
                    #expect(page.contains(name) || rules.contains(name), "\(name)")
                }
            }
        }
        #expect(expressions.count > 15)
        try box.write(
            (["groups": [["name": "dashboard", "rules": .array(expressions)]]] as JSON).compact(), to: "dashboard.yml")
        try box.run("promtool check rules dashboard.yml")
    }
}
