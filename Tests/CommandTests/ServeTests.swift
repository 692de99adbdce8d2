import Base
import TestSupport
import Testing

@Suite struct ServeTests {
    /// Two commits with a linear model each, trained with different strengths.
    static func served() throws -> Sandbox {
        let box = try Sandbox()
        try ModelTests.prepare(box)
        for strength in ["0.3", "3"] {
            try box.write(ModelTests.params("{embed: ngrams}", "{strengths: [\(strength)]}"), to: "repo/params.yaml")
            try box.run(
                "git mlrun train --out models/m && git mldata add models data && git add -A && git commit -q -m \(strength)",
                in: "repo")
        }
        return box
    }

    private func commit(_ box: Sandbox, _ revision: String) throws -> String {
        try box.run("git rev-parse \(revision)", in: "repo").output.filter { $0 != "\n" }
    }

    @Test func `texts in, labels and probabilities out, with the commit`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD~1")
        let version = try commit(box, "HEAD~1")
        let line = try box.run("git mlrun predict HEAD~1 --json --text 'a fine film'", in: "repo").output
        let expected = try JSON(parsing: line)["probabilities"]
        for (arguments, name) in [
            ("-d '{\"text\": \"a fine film\"}'", "object"), ("-d '\"a fine film\"'", "string"),
            ("-H 'content-type: text/plain' -d 'a fine film'", "plain"),
            ("-H 'Transfer-Encoding: chunked' -d '\"a fine film\"'", "chunked"),
        ] {
            let (status, body) = try server.ask(arguments, "/predict")
            #expect(
                status == 200 && body["probabilities"] == expected && body["version"] == .string(version), "\(name)")
            #expect(body["label"]?.stringValue == "0" || body["label"]?.stringValue == "1")
        }
        let (status, several) = try server.ask("-d '{\"texts\": [\"a fine film\", \"\"]}'", "/predict")
        let list = several["predictions"]?.arrayValue ?? []
        #expect(status == 200 && list.count == 2 && list.first?["probabilities"] == expected)
        let explained = try server.ask("-d '{\"text\": \"a fine film\", \"explain\": true}'", "/predict").body
        let words = explained["explanation"]?["words"]?.arrayValue ?? []
        #expect(words.compactMap { $0["text"]?.stringValue } == ["a", "fine", "film"])
        let head = try server.curl("-D - -o /dev/null -H 'x-request-id: mine' -d '\"a\"'", "/predict").lowercased()
        #expect(head.contains("x-model-version: \(version)") && head.contains("x-request-id: mine"))
        #expect(try server.curl("", "/").contains("<textarea"))
        #expect(try server.ask("", "/openapi.json").body["openapi"]?.stringValue == "3.1.0")
    }

    @Test func `the open inference protocol`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD")
        let version = try commit(box, "HEAD")
        #expect(try server.ask("", "/v2").status == 200)
        #expect(try server.ask("", "/v2/health/live").status == 200)
        #expect(try server.ask("", "/v2/health/ready").status == 200)
        #expect(try server.ask("", "/v2/models/m/ready").body["ready"] == true)
        let metadata = try server.ask("", "/v2/models/m/versions/\(version.prefix(8))").body
        #expect(metadata["versions"] == [.string(version)] && metadata["parameters"]?["labels"] == ["0", "1"])
        func input(_ fields: String) -> String { "-d '{\"id\": \"7\", \"inputs\": [{\"name\": \"text\", \(fields)}]}'" }
        let fields = "\"datatype\": \"BYTES\", \"shape\": [2, 1], \"data\": [[\"a fine film\"], [\"dull\"]]"
        for path in ["/v2/models/m/infer", "/v2/models/m/versions/\(version)/infer"] {
            let (status, body) = try server.ask(input(fields), path)
            #expect(status == 200 && body["id"] == "7" && body["model_version"] == .string(version))
            let outputs = body["outputs"]?.arrayValue ?? []
            #expect(outputs.map { $0["name"] } == ["label", "probabilities"] && outputs.last?["shape"] == [2, 2])
        }
        for (fields, words) in [
            ("\"datatype\": \"FP32\", \"shape\": [1], \"data\": [1]", "BYTES"),
            ("\"datatype\": \"BYTES\", \"shape\": [2], \"data\": [\"a\"]", "shape"),
            ("\"datatype\": \"BYTES\", \"shape\": [1], \"data\": [1]", "no string"),
            ("\"datatype\": \"BYTES\", \"shape\": [9223372036854775807, 9], \"data\": []", "shape"),
            ("\"datatype\": \"BYTES\", \"data\": [\"a\"]", "shape"), ("\"shape\": [1], \"data\": [\"a\"]", "datatype"),
        ] {
            let (status, body) = try server.ask(input(fields), "/v2/models/m/infer")
            #expect(status == 400 && body["error"]?.stringValue?.contains(words) == true, "\(fields): \(body)")
        }
        #expect(try server.ask("-d '{}'", "/v2/models/m/infer").status == 400)
        #expect(try server.ask("", "/v2/models/other").status == 404)
        #expect(try server.ask("", "/v2/models/m/versions/0000000").status == 404)
        #expect(try server.ask("", "/v2/models/m/infer").status == 405)
        // Our own client of the protocol agrees with the model.
        let direct = try box.run("git mlexplain HEAD --text 'a fine film' --method occlusion --json", in: "repo").output
        let remote = try box.run(
            "git mlexplain --endpoint \(server.url)/v2/models/m --text 'a fine film' --method occlusion --json",
            in: "repo"
        ).output
        let values = try [direct, remote].map { text in
            try JSON(parsing: text)["items"]?.arrayValue?.first?["words"]?.arrayValue?.compactMap {
                $0["value"]?.doubleValue
            }
        }
        #expect(values[0]?.count == 3 && values[0] == values[1])
    }

    @Test func `bad requests are told what is wrong, and nothing else suffers`() throws {
        let box = try ServeTests.served()
        let server = try ModelServer(box, "HEAD --max-body 10000 --max-texts 3 --idle 2")
        for (arguments, status) in [
            ("-d '{bad'", 400), ("-d '{}'", 400), ("-d '{\"text\": 3}'", 400), ("-d '[1]'", 400), ("-d 'null'", 400),
            ("-d '[]'", 400), ("-d '[\"a\",\"b\",\"c\",\"d\"]'", 413), ("-H 'content-type: image/png' -d x", 415),
            ("-d '{\"text\": \"a\", \"explain\": 1}'", 400), ("-X DELETE", 405), ("", 405), ("-X OPTIONS", 405),
            ("-H 'content-type: text/plain' --data-binary \"$(printf '\\377')\"", 400),
            ("-d \"$(head -c 20000 /dev/zero | tr '\\0' a)\"", 413),
            ("-H 'Transfer-Encoding: chunked' -d \"$(head -c 20000 /dev/zero | tr '\\0' a)\"", 413),
            ("-d \"$(printf '[%.0s' $(seq 2000))\"", 400), ("-I", 405),
            ("-H 'content-encoding: gzip' -d x", 415),
        ] {
            #expect(try server.ask(arguments, "/predict").status == status, "\(arguments.prefix(80))")
        }
        #expect(try server.ask("", "/nothing").body["error"]?.stringValue?.contains("/nothing") == true)
        for (deed, expected) in [
            ("slow-head", "\"said\": \"cut\""), ("idle", "\"after\": \"HTTP/1.1 200 OK\""),
            ("garbage", "\"HTTP/1.1 431 Request Header Fields Too Large\""),
            ("cut-chunks", "\"said\": \"HTTP/1.1 400 Bad Request mine\""), ("gateway", "\"said\": \"label\""),
            ("pipeline", "[\"a\", \"b\", \"c\"]"),
        ] {
            let said = try box.run("python3 '\(Sandbox.package)/Tests/Servers/rude_client.py' \(server.port) \(deed)")
                .output
            #expect(
                said.contains(expected) && (deed == "pipeline" || said.contains("\"good\": \"HTTP/1.1 200 OK\"")),
                "\(said)")
        }
        let page = try server.curl("", "/metrics")
        #expect(page.contains("gitml_requests_total{endpoint=\"predict\",code=\"413\"}"), "\(page)")
        #expect(page.contains("gitml_requests_total{endpoint=\"refused\",code=\"413\"} 2"))
    }

    @Test func `a ref is followed under load, and what fails its check never answers`() throws {
        let box = try ServeTests.served()
        try box.run("git branch production HEAD~1", in: "repo")
        let server = try ModelServer(box, "--follow production")
        let (old, new) = (try commit(box, "HEAD~1"), try commit(box, "HEAD"))
        let answers = try [old, new].map { revision -> String in
            let line = try box.run("git mlrun predict \(revision) --json --text 'a fine film'", in: "repo").output
            let row = try JSON(parsing: line)["probabilities"]?.objectValue?.pairs ?? []
            return row.map { "\($0.key) \($0.value.doubleValue ?? 0)" }.joined(separator: " ")
        }
        #expect(answers[0] != answers[1])
        try box.run(
            """
            (for i in 1 2 3; do sleep 1.3; git update-ref refs/heads/production \(new)
            sleep 1.3; git update-ref refs/heads/production \(old); done) &
            python3 '\(Sandbox.package)/Tests/Servers/rude_client.py' \(server.port) load 9 > ../load.json; wait
            """, in: "repo")
        let load = try JSON(parsing: box.text("load.json"))
        #expect(load["bad"] == [], "\(load)")
        let seen = Set((load["answers"]?.objectValue?.keys ?? []).map { $0.prefix(40) })
        // Each commit gave one answer only: its own.
        #expect(seen == [Substring(old), Substring(new)] && load["answers"]?.objectValue?.count == 2, "\(load)")
        // A golden prediction that is not met keeps the old one in place.
        try box.run(
            """
            git mlrun predict HEAD --json --text 'a fine film' > models/m/golden.jsonl
            sed 's/0[.][0-9]*/0.123/' -i models/m/golden.jsonl
            git add -A && git commit -q -m golden && git update-ref refs/heads/production HEAD && sleep 2.5
            """, in: "repo")
        #expect(try server.ask("-d '\"a\"'", "/predict").body["version"] == .string(old))
        #expect(try box.text(server.log).contains("is not the recorded one"))
        #expect(try server.curl("", "/metrics").contains("gitml_switches_total{outcome=\"refused\"} 1"))
        let refused = try box.attempt("timeout 20 git mlrun serve HEAD --port 0", in: "repo")
        #expect(refused.status == 128 && refused.errors.contains("'a fine film' is not the recorded one"))
    }

    @Test func `deployments are moves of a ref, and a rollback goes back for good`() throws {
        let box = try ServeTests.served()
        #expect(try box.attempt("git mlrun deploy status", in: "repo").errors.contains("No server"))
        #expect(try box.attempt("git mlrun deploy history", in: "repo").status == 128)
        try box.run("git mlrun deploy HEAD~1", in: "repo")
        let server = try ModelServer(box, "--follow production")
        let (old, new) = (try commit(box, "HEAD~1"), try commit(box, "HEAD"))
        let said = try box.run("git mlrun deploy HEAD", in: "repo")
        #expect(said.output.contains("\(server.url) serves it."), "\(said.output)\(said.errors)")
        #expect(try server.ask("-d '\"a\"'", "/predict").body["version"] == .string(new))
        let state = try JSON(parsing: box.run("git mlrun deploy status --json", in: "repo").output)["servers"]?
            .arrayValue
        #expect(state?.count == 1 && state?.first?["model_version"] == .string(new))
        // A commit that does not answer as recorded moves nothing.
        try box.run(
            """
            git mlrun predict HEAD --json --text 'a fine film' | sed 's/0[.][0-9]*/0.123/' > models/m/golden.jsonl
            git add -A && git commit -q -m golden
            """, in: "repo")
        let refused = try box.attempt("git mlrun deploy HEAD", in: "repo")
        #expect(refused.status == 128 && refused.errors.contains("is not the recorded one"))
        // Moved past the check, the server refuses it, and whoever deploys hears of it.
        try box.run("git update-ref -m forced refs/heads/production HEAD && sleep 1.5", in: "repo")
        #expect(try box.run("git mlrun deploy status", in: "repo").output.contains("refused"))
        #expect(try server.ask("-d '\"a\"'", "/predict").body["version"] == .string(new))
        try box.run("git mlrun deploy rollback", in: "repo")
        #expect(try commit(box, "production") == new)
        try box.run("git mlrun deploy rollback", in: "repo")
        #expect(
            try commit(box, "production") == old && server.ask("-d '\"a\"'", "/predict").body["version"] == .string(old)
        )
        let nothing = try box.attempt("git mlrun deploy rollback", in: "repo")
        #expect(nothing.status == 128 && nothing.errors.contains("nothing was deployed"))
        let history = try JSON(parsing: box.run("git mlrun deploy history --json", in: "repo").output)["deployments"]
        #expect(
            history?.arrayValue?.compactMap { $0["message"]?.stringValue }
                == ["rollback", "rollback", "forced", "deploy: HEAD", "deploy: HEAD~1"], "\(history ?? .null)")
        let mine = try box.attempt("git mlrun deploy HEAD~1 --to main", in: "repo")
        #expect(mine.status == 128 && mine.errors.contains("checked out"))
        try server.signal("TERM")
        #expect(try server.ends() && box.run("ls .git/mlrun/serving", in: "repo").output == "")
    }

    @Test func `tokens, rates, pages of elsewhere and logs`() throws {
        let box = try ServeTests.served()
        let token = try box.run("git mlrun serve --new-token me --token-file ../tokens", in: "repo").output.filter {
            $0 != "\n"
        }
        #expect(try !box.text("tokens").contains(token) && box.text("tokens").hasSuffix(" me\n"))
        let server = try ModelServer(
            box,
            "HEAD --token-file ../tokens --rate 5 --cors https://a.example --access-log ../access --prediction-log ../told"
        )
        #expect(try server.ask("-d '\"a\"'", "/predict").status == 401)
        #expect(try server.ask("-d '\"a\"' -H 'authorization: Bearer x'", "/predict").status == 401)
        #expect(try server.ask("", "/healthz").status == 200)
        let known = "-H 'authorization: Bearer \(token)'"
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        #expect(
            try server.ask("\(known) -d '\"a secret\"' -H 'traceparent: 00-\(trace)-00f067aa0ba902b7-01'", "/predict")
                .status
                == 200)
        var statuses: Set<Int> = []
        for _ in 0..<20 { statuses.insert(try server.ask("\(known) -d '\"a\"'", "/predict").status) }
        #expect(statuses.contains(429))
        let head = try server.curl("-D - -X OPTIONS -H 'origin: https://a.example'", "/predict").lowercased()
        #expect(head.contains("204") && head.contains("access-control-allow-origin: https://a.example"))
        let line = try box.text("access").split(separator: "\n").first { $0.contains(trace) }
        #expect(try JSON(parsing: String(line ?? ""))["status"] == 200)
        let told = try JSON(parsing: String(try box.text("told").split(separator: "\n")[0]))
        #expect(told["characters"] == 8 && told["text"] == nil && told["text_sha256"]?.stringValue?.count == 64)
        #expect(try !box.text("told").contains("secret"))
        try server.signal("TERM")
        #expect(try server.ends() && box.text(server.log).contains("Draining"))
    }

    @Test func `a model that hangs or fails is nobody else's fault`() throws {
        let box = try Sandbox()
        try box.write(
            """
            import json, sys, time
            for line in sys.stdin:
                request = json.loads(line)
                if "hang" in request["texts"]: time.sleep(3600)
                answer = {"id": request["id"], "labels": ["a", "b"], "probabilities": [[0.25, 0.75]] * len(request["texts"])}
                if "fail" in request["texts"]: answer = {"id": request["id"], "error": "secret of the inside"}
                print(json.dumps(answer), flush=True)

            """, to: "model.py")
        let server = try ModelServer(
            box, "--predictor 'python3 model.py' --timeout 2 --max-queue 2 --drain 1", in: ".")
        #expect(try server.ask("-d '\"x\"'", "/predict").body["label"] == "b")
        let failed = try server.ask("-d '\"fail\"'", "/predict")
        #expect(failed.status == 500 && failed.body["error"]?.stringValue?.contains("secret") == false)
        #expect(try box.text(server.log).contains("secret of the inside"))
        let statuses = try box.run(
            "for i in $(seq 12); do curl -s -o /dev/null -w '%{http_code}\\n' -d '\"hang\"' \(server.url)/predict & done; wait"
        ).output.split(separator: "\n")
        #expect(Set(statuses).isSubset(of: ["504", "503", "500"]) && statuses.contains("503") && statuses.count == 12)
        #expect(try server.ask("", "/healthz").status == 200)
        try server.signal("TERM")
        #expect(try server.ends())
    }

    @Test func `over TLS with HTTP 2, and usage mistakes`() throws {
        let box = try ServeTests.served()
        try box.run(
            """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
            -addext subjectAltName=IP:127.0.0.1 2>&1
            """)
        let server = try ModelServer(box, "HEAD --tls-cert ../cert.pem --tls-key ../key.pem")
        let plain = try ModelServer(box, "HEAD --connections 2")
        let crowd = try box.run("python3 '\(Sandbox.package)/Tests/Servers/rude_client.py' \(plain.port) crowd").output
        #expect(
            crowd.contains("\"said\": \"HTTP/1.1 503 Service Unavailable later\"") && crowd.contains("200 OK"),
            "\(crowd)")
        #expect(
            try plain.curl("--http2-prior-knowledge -w '\\n%{http_version} %{http_code}' -d '\"a\"'", "/predict")
                .hasSuffix("\n2 200"))
        for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
            let said = try server.curl(
                "--cacert '\(box.root)/cert.pem' \(option) -w '\\n%{http_version} %{http_code}' -d '\"a\"'", "/predict")
            #expect(said.hasSuffix("\n\(version) 200"), "\(said)")
        }
        for (arguments, status, words) in [
            ("HEAD --tls-cert ../cert.pem", 129, "together"),
            ("HEAD --tls-cert ../key.pem --tls-key ../key.pem", 128, "PEM"),
            ("HEAD --follow main", 129, "exclude each other"), ("--follow nothing", 128, "no ref 'nothing'"),
            ("HEAD --port 99999", 129, "--port"), ("nothing", 128, "nothing"), ("HEAD --rate 0", 129, "--rate"),
            ("HEAD --log-texts some", 129, "--log-texts"), ("HEAD --port \(server.port)", 128, "cannot listen"),
            ("HEAD --token-file ../cert.pem", 128, "line 1"), ("HEAD --replicas 0", 129, "--replicas"),
            ("HEAD --min-replicas 3 --max-replicas 2", 129, "replicas"),
            ("HEAD --max-replicas 2 --window 15", 129, "multiple"),
            ("HEAD --canary HEAD~1 --shadow HEAD", 129, "exclude"),
        ] {
            let said = try box.attempt("timeout 20 git mlrun serve \(arguments)", in: "repo")
            #expect(said.status == Int32(status) && said.errors.contains(words), "\(arguments): \(said.errors)")
        }
    }
}
