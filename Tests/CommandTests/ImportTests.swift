import Base
import TestSupport
import Testing

@Suite struct ImportTests {
    private func source() throws -> Sandbox {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata remote add -q -d --shared st '\(box.root)/store'", in: "repo")
        try box.write(randomBytes(200_000, seed: 1), to: "repo/data/x/one")
        try box.write("plain\n", to: "repo/readme.txt")
        try box.run(
            "git mldata add -q data && git add readme.txt && git commit -q -m one && git push -q -u origin main",
            in: "repo")
        try box.write(randomBytes(300_000, seed: 2), to: "repo/data/x/one")
        try box.write("id,label\n1,a\n", to: "repo/data/x/two.csv")
        try box.run(
            "git mldata add -q data && git commit -q -m two && git tag v2 && git push -q origin main v2", in: "repo")
        return box
    }

    @Test func `get takes files and folders of any revision without a clone`() throws {
        let box = try source()
        let url = "'file://\(box.root)/repo.git'"
        try box.run("mkdir here && cd here && git mldata get \(url) data && diff -r data ../repo/data")
        try box.run(
            "git mldata get \(url) data/x/one --rev main~1 -o old && git mldata get ../repo.git readme.txt", in: "here")
        #expect(try box.read("here/old") == randomBytes(200_000, seed: 1) && box.text("here/readme.txt") == "plain\n")
        let id = try box.run("git rev-parse HEAD~1", in: "repo").output.prefix(40)
        try box.run("git mldata get \(url) data/x/one --rev \(id) && cmp one old", in: "here")
        let again = try box.attempt("git mldata get \(url) data/x/one", in: "here")
        #expect(again.status == 128 && again.errors.contains("'one' exists already"))
        #expect(
            try box.attempt("git mldata get \(url) nothing", in: "here").firstError.hasPrefix(
                "fatal: path 'nothing' does not exist"))
        #expect(
            try box.attempt("git mldata get \(url) data --rev v9", in: "here").firstError
                == "fatal: unknown revision 'v9' in 'file://\(box.root)/repo.git'")
        #expect(
            try box.attempt("git mldata get ../no-such.git data", in: "here").firstError.hasPrefix(
                "fatal: cannot read repository '../no-such.git'"))
        #expect(try Files.list(box.root + "/here") == ["data", "old", "one", "readme.txt"])
        #expect(
            try box.run("git mldata ls \(url) --name-only && git mldata ls ../repo.git data/x/one --rev v2", in: "here")
                .output.hasPrefix("data/x/one\ndata/x/two.csv\n"))
    }

    @Test func `import records where from, and update follows`() throws {
        let box = try source()
        try box.run("git init -q mine && cd mine && git mldata import ../repo.git data/x -o things")
        #expect(
            try box.run("git diff --cached --name-only", in: "mine").output
                == ".gitattributes\n.mldata/imports\nthings/one\nthings/two.csv\n")
        try box.run("git commit -q -m import && diff -r things ../repo/data/x", in: "mine")
        #expect(try box.run("git mldata update", in: "mine").output == "Everything is up to date.\n")
        try box.run("git rm -q data/x/two.csv", in: "repo")
        try box.write("new\n", to: "repo/data/x/three")
        try box.run("git mldata add -q data && git commit -q -m three && git push -q origin main", in: "repo")
        #expect(try box.run("git mldata update things", in: "mine").output == "Updated 'things'\n")
        #expect(try box.run("ls things", in: "mine").output == "one\nthree\n")
        // One that follows a tag stays there.
        try box.run(
            "git mldata import ../repo.git data/x/one --rev v2 -o pinned && git mldata update pinned", in: "mine")
        #expect(try box.run("git config -f .mldata/imports import.pinned.rev", in: "mine").output == "v2\n")
        #expect(try box.attempt("git mldata update other", in: "mine").firstError == "fatal: 'other' was not imported")
    }

    @Test func `import-url takes files and web addresses, and update asks whether they changed`() throws {
        let box = try source()
        try box.write("a\n", to: "web/a.txt")
        let server = try box.run(
            """
            python3 -u -m http.server 0 --bind 127.0.0.1 --directory web > server.log 2>&1 & echo $! > server.pid
            for i in $(seq 200); do grep -q 'port [0-9]' server.log && break; sleep 0.05; done
            sed -n 's/.*port \\([0-9]*\\).*/\\1/p' server.log
            """)
        defer { _ = try? box.run("kill $(cat server.pid)") }
        let port = server.output.split(separator: "\n").first.map(String.init) ?? ""
        try box.run("git init -q mine && cd mine && git mldata import-url http://127.0.0.1:\(port)/a.txt data/a.txt")
        #expect(try box.text("mine/data/a.txt") == "a\n")
        try box.run("git mldata import-url ../web/a.txt b.txt && git commit -q -m x", in: "mine")
        #expect(try box.run("git mldata update", in: "mine").output == "Everything is up to date.\n")
        try box.run("echo changed > web/a.txt && touch -d '2030-01-01' web/a.txt")
        #expect(try box.run("git mldata update", in: "mine").output == "Updated 'b.txt'\nUpdated 'data/a.txt'\n")
        #expect(try box.text("mine/data/a.txt") == "changed\n" && box.text("mine/b.txt") == "changed\n")
        let missing = try box.attempt("git mldata import-url http://127.0.0.1:\(port)/none x", in: "mine")
        #expect(missing.status == 128 && missing.errors.contains("does not exist (404)") && !box.exists("mine/x"))
        #expect(
            try box.attempt("git mldata import-url gopher://x/y z", in: "mine").errors.contains("cannot import from"))
    }
}
