import Base
import Glibc
import TestSupport
import Testing

@Suite struct RolloutTests {
    private func commit(_ box: Sandbox, _ revision: String) throws -> String {
        try box.run("git rev-parse \(revision)", in: "repo").output.filter { $0 != "\n" }
    }

    private func ask(_ server: ModelServer, _ count: Int, _ options: String = "") throws -> [String: Int] {
        var seen: [String: Int] = [:]
        for _ in 0..<count {
            let version = try server.ask("\(options) -d '\"a fine film\"'", "/predict").body["version"]?.stringValue
            seen[version ?? "", default: 0] += 1
        }
        return seen
    }

    @Test func `a canary gets its share, then all or nothing`() throws {
        let box = try ServeTests.served()
        let (old, new) = (try commit(box, "HEAD~1"), try commit(box, "HEAD"))
        // A server that was given a revision comes along with the first deployment.
        let server = try ModelServer(box, "HEAD~1")
        try box.run("git mlrun deploy HEAD~1", in: "repo")
        let begun = try box.run("git mlrun deploy HEAD --strategy canary --weight 50 --header X-Try=new", in: "repo")
        #expect(begun.output.contains("has it beside"), "\(begun.output)\(begun.errors)")
        #expect(try ask(server, 10) == [old: 5, new: 5] && ask(server, 2, "-H 'x-try: new'") == [new: 2])
        let status = try box.run("git mlrun deploy status", in: "repo").output
        #expect(status.contains("canary \(new.prefix(10)) 50 %"), "\(status)")
        let busy = try box.attempt("git mlrun deploy HEAD~1", in: "repo")
        #expect(busy.status == 128 && busy.errors.contains("under way"))
        try box.run("git mlrun deploy abort", in: "repo")
        #expect(try ask(server, 4) == [old: 4] && commit(box, "production") == old)
        try box.run(
            "git mlrun deploy HEAD --strategy canary --weight 0 && git mlrun deploy promote", in: "repo")
        #expect(try ask(server, 4) == [new: 4] && commit(box, "production") == new)
        // What is deployed already has nothing to prove, and leaves no rollout behind.
        let again = try box.attempt("git mlrun deploy HEAD --strategy rolling", in: "repo")
        #expect(again.status == 128 && again.errors.contains("already"), "\(again.errors)")
        #expect(try box.run("git mlrun deploy history -n 2", in: "repo").output.split(separator: "\n").count == 3)
        let history = try box.run("git mlrun deploy history", in: "repo").output
        #expect(
            history.contains("canary aborted: by hand") && history.contains("canary promoted: by hand"), "\(history)")
        let none = try box.attempt("git mlrun deploy abort", in: "repo")
        #expect(none.status == 128 && none.errors.contains("nothing is under way"))
        for arguments in [
            "--strategy x", "--weight 5", "--strategy shadow --weight 5", "--strategy canary --steps 5,x",
        ] {
            #expect(try box.attempt("git mlrun deploy HEAD \(arguments)", in: "repo").status == 129, "\(arguments)")
        }
    }

    @Test func `candidates prove themselves or leave by themselves; replicas change one by one`() throws {
        let box = try ServeTests.served()
        let (old, new) = (try commit(box, "HEAD~1"), try commit(box, "HEAD"))
        try box.run("git mlrun deploy HEAD~1", in: "repo")
        let server = try ModelServer(box, "--follow production --replicas 2")
        func finished(_ state: String) throws -> Bool {
            for _ in 0..<300 {
                _ = try ask(server, 3)
                let json = try JSON(parsing: box.run("git mlrun deploy history --json", in: "repo").output)
                if json["rollouts"]?.arrayValue?.first?["rollout"]?["state"]?.stringValue == state { return true }
            }
            return false
        }
        let canary = "--strategy canary --steps 30,60 --step-seconds 0.2 --auto --min-requests 5"
        // No drift at all is allowed, but there is some: a stricter model than the old one.
        try box.run("git mlrun deploy HEAD \(canary) --max-drift=-1", in: "repo")
        #expect(try finished("aborted") && ask(server, 3) == [old: 3] && commit(box, "production") == old)
        #expect(try box.run("git mlrun deploy history", in: "repo").output.contains("drift"))
        try box.run("git mlrun deploy HEAD \(canary) --max-drift 100 --max-latency-ratio 1000", in: "repo")
        #expect(try finished("promoted"))
        #expect(try server.waits { $0["model_version"] == .string(new) } && ask(server, 3) == [new: 3])
        try box.run("git mlrun deploy rollback", in: "repo")
        #expect(try ask(server, 3) == [old: 3])
        let rolled = try box.run("git mlrun deploy HEAD --strategy rolling --step-seconds 0.2", in: "repo")
        #expect(try rolled.output.contains("serves it") && commit(box, "production") == new, "\(rolled.output)")
        #expect(try server.waits { $0["replicas"]?["processes"]?.arrayValue?.count == 2 })
    }
}
