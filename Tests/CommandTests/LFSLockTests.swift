import Base
import TestSupport
import Testing

/// Locks against a server with two users; `git lfs` is asked the same questions where it is installed.
@Suite struct LFSLockTests {
    private let box: Sandbox
    private let server: LFSServer

    init() throws {
        box = try Sandbox()
        server = try LFSServer(box, "--users ann:a,bob:b")
        try box.makeRepository()
        for name in ["one", "two", "three"] { try box.write(name + "\n", to: "repo/data/\(name)") }
        try box.run("git mldata remote add --default server lfs::\(server.url)", in: "repo")
        try box.run("git config lfs.url \(server.url) && git add . && git commit -q -m data", in: "repo")
        for (name, password) in [("ann", "a"), ("bob", "b")] {
            try box.write(
                "#!/bin/sh\n[ \"$1\" = get ] && printf 'username=\(name)\\npassword=\(password)\\n'; exit 0\n",
                to: "as-\(name)")
        }
        try box.run("chmod +x as-*")
    }

    private func attempt(_ user: String, _ command: String, in folder: String = "repo") throws -> Sandbox.Outcome {
        try box.attempt("git -c credential.helper='\(box.root)/as-\(user)' \(command)", in: folder)
    }

    @Test func `a lock is taken, shown, refused and given back`() throws {
        let taken = try attempt("ann", "mldata lock one two", in: "repo/data")
        #expect(taken.status == 0 && taken.output == "Locked data/one\nLocked data/two\n")
        let refused = try attempt("bob", "mldata lock data/one data/three")
        #expect(refused.status == 1 && refused.output == "Locked data/three\n")
        #expect(refused.firstError == "error: 'data/one' is locked already by ann")
        let table = try attempt("ann", "mldata locks").output.split(separator: "\n").map(String.init)
        #expect(table.count == 4 && table[0].hasPrefix("Path        Owner  ID"))
        let marked = try attempt("ann", "mldata locks --verify").output.split(separator: "\n")
        #expect(marked.filter { $0.hasPrefix("*") }.count == 2)
        let json = try JSON(parsing: attempt("bob", "mldata locks --json --path data/one").bytes)
        #expect(json["version"] == 1 && json["locks"]?.arrayValue?.count == 1)
        #expect(json["locks"]?.arrayValue?.first?["owner"] == "ann")

        #expect(try attempt("bob", "mldata unlock data/one").status == 1)
        #expect(try attempt("bob", "mldata unlock data/one --force").output == "Unlocked data/one\n")
        #expect(try attempt("ann", "mldata unlock data/one").firstError == "error: 'data/one' is not locked")
        try box.write("changed\n", to: "repo/data/two")
        #expect(try attempt("ann", "mldata unlock data/two").firstError.contains("has uncommitted changes"))
        let id = try JSON(parsing: attempt("bob", "mldata locks --json -p data/two").bytes)["locks"]?.arrayValue?.first
        let unlocked = try attempt("ann", "mldata unlock --id \(id?["id"]?.stringValue ?? "")")
        #expect(unlocked.output == "Unlocked data/two\n")
        #expect(try attempt("ann", "mldata unlock --id nothing").status == 1)
        #expect(try attempt("ann", "mldata unlock").status == 129)
    }

    @Test func `lockable files are read-only until their lock is held`() throws {
        func modes() throws -> String { try box.run("stat -c %a data/one data/two", in: "repo").output }
        try box.run("chmod 644 data/* && git mldata track -q --lockable 'data/one'", in: "repo")
        #expect(try modes() == "444\n644\n")
        #expect(
            try box.run("git status --porcelain -- data && git add . && git commit -q -m lockable", in: "repo").output
                == "")
        #expect(try attempt("ann", "mldata lock data/one").status == 0)
        #expect(try modes() == "644\n644\n")
        try box.run("rm data/one && git checkout -q -- . && git commit -q --allow-empty -m held", in: "repo")
        #expect(try modes() == "644\n644\n")
        #expect(try attempt("ann", "mldata unlock data/one").status == 0)
        #expect(try modes() == "444\n644\n")
        // What git writes anew is writable until its hook has run.
        try box.run("git checkout -q -b other HEAD~1 && git checkout -q main", in: "repo")
        #expect(try modes() == "444\n644\n")
        try box.run("rm data/one && git config lfs.setlockablereadonly false && git checkout -q .", in: "repo")
        #expect(try modes() == "644\n644\n")
        try box.run("git config --unset lfs.setlockablereadonly && git checkout -q HEAD", in: "repo")
        #expect(try modes() == "444\n644\n")
        try box.run("git mldata track -q --not-lockable 'data/one'", in: "repo")
        #expect(try modes() == "644\n644\n")
    }

    @Test(.enabled(if: LFSTests.hasClient, "skipped: git-lfs is not installed"))
    func `git lfs sees our locks and we see those of git lfs`() throws {
        #expect(try attempt("ann", "mldata lock data/one").status == 0)
        #expect(try attempt("bob", "lfs lock data/two").status == 0)
        #expect(try attempt("bob", "lfs lock data/one").status != 0)
        let theirs = try attempt("ann", "lfs locks --json").bytes
        let ours = try attempt("ann", "mldata locks --json").bytes
        let same = try JSON(parsing: ours)["locks"]?.arrayValue?.map { [$0["id"], $0["path"], $0["owner"]] }
        #expect(
            try same == JSON(parsing: theirs).arrayValue?.map { [$0["id"], $0["path"], $0["owner"]?["name"]] })
        #expect(try attempt("ann", "lfs unlock data/one").status == 0)
        #expect(try attempt("bob", "mldata unlock data/two").status == 0)
        #expect(try attempt("ann", "lfs locks").output == "")
    }

    @Test func `a push of what somebody else has locked is refused`() throws {
        #expect(try attempt("ann", "push -q origin main").status == 0)
        #expect(try attempt("bob", "mldata lock data/one").status == 0)
        try box.write("mine\n", to: "repo/data/two")
        try box.run("git commit -q -am two", in: "repo")
        #expect(try attempt("ann", "push -q origin main").status == 0)
        try box.write("locked\n", to: "repo/data/one")
        try box.run("git commit -q -am one", in: "repo")
        let push = try attempt("ann", "push -q origin main")
        #expect(push.status != 0)
        #expect(push.firstError == "fatal: 'data/one' is locked by bob")
        // Not even the content went up.
        #expect(!box.exists("server/\(ObjectID.of("locked\n").hex)"))
        #expect(try attempt("bob", "push -q origin main").status == 0)
        try box.write("again\n", to: "repo/data/one")
        try box.run("git commit -q -am again && git config lfs.locksverify false", in: "repo")
        #expect(try attempt("ann", "push -q origin main").status == 0)
    }

    @Test func `a server without locks is said to have none and stops no push`() throws {
        let bare = try LFSServer(box, "--no-locks", folder: "bare")
        try box.run("git mldata remote set server url lfs::\(bare.url)", in: "repo")
        let locks = try box.attempt("git mldata locks", in: "repo")
        #expect(locks.status == 128 && locks.firstError.hasPrefix("fatal: \(bare.url) offers no file locks"))
        #expect(locks.errors.contains("\nhint: "))
        let push = try box.attempt("git push -q origin main", in: "repo")
        #expect(push.status == 0 && !push.errors.contains("lock"), "\(push.errors)")
        try box.run("git mldata remote set server url lfs::../folder && git config --unset lfs.url", in: "repo")
        #expect(
            try box.attempt("git mldata lock data/one", in: "repo").firstError.contains("there is no remote") == false)
        #expect(try box.attempt("git mldata lock data/one", in: "repo").firstError.hasSuffix("which keeps no locks"))
    }
}
