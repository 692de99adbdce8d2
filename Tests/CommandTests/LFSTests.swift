import Base
import TestSupport
import Testing

/// Git LFS in both directions, with the real `git-lfs` on the other side.
@Suite struct LFSTests {
    /// Writes files of one byte, one of several chunks and one of several requests; the same bytes each time, none of which
    /// compress. Comparing them is `cmp`'s work too: a debug build takes minutes over so many bytes.
    static func writeFiles(_ box: Sandbox, _ folder: String) throws {
        try box.write(
            """
            import random, sys
            for name, size in ("one", 1), ("mid", 1 << 20), ("big", 20 << 20):
                open(f"{sys.argv[1]}/{name}.bin", "wb").write(random.Random(size).randbytes(size))
            """, to: "files.py")
        try box.run("mkdir -p '\(folder)' original && python3 files.py '\(folder)' && python3 files.py original")
    }

    static func expectFiles(_ box: Sandbox, _ folder: String) throws {
        try box.run("for f in one mid big; do cmp original/$f.bin '\(folder)'/$f.bin || exit; done")
    }

    /// The stand-in, and dulwich's server where a Python has it.
    static let servers = ["stand-in"] + (Sandbox.python(with: "dulwich.lfs_server") == nil ? [] : ["dulwich"])
    static let hasClient = (try? Subprocess(["git-lfs", "version"]).run().status) == 0

    static func start(_ name: String, _ box: Sandbox) throws -> LFSServer {
        guard name == "dulwich", let python = Sandbox.python(with: "dulwich.lfs_server") else {
            return try LFSServer(box)
        }
        return try LFSServer(box, command: "exec \(python) '\(Sandbox.package)/Tests/Servers/dulwich_server.py' server")
    }

    @Test(.enabled(if: hasClient, "skipped: git-lfs is not installed"), arguments: servers)
    func `git-lfs reads what we pushed`(_ name: String) throws {
        let box = try Sandbox()
        let server = try LFSTests.start(name, box)
        try box.makeRepository()
        try LFSTests.writeFiles(box, "repo/data")
        try box.run("git mldata remote add --default server lfs::\(server.url) && git mldata remote test", in: "repo")
        let push = try box.run("git add data && git commit -q -m data && git push -q -u origin main", in: "repo")
        #expect(push.errors == "Uploaded 3 files (21.0 MiB) to \(server.url): 21.0 MiB in 3 objects\n")
        #expect(try box.run("git mldata status --porcelain", in: "repo").output == "")
        #expect(try box.run("git mldata push", in: "repo").output == "Everything is on \(server.url).\n")
        // A clone without git-ml, whose own attributes say that git-lfs is in charge.
        try box.run(
            """
            git clone -q -n repo.git plain && cd plain && git lfs install --local >/dev/null
            echo 'data/** filter=lfs diff=lfs merge=lfs -text' >.git/info/attributes
            git config lfs.url \(server.url) && git checkout -q main && git lfs fsck
            """)
        try LFSTests.expectFiles(box, "plain/data")
    }

    /// How a clone learns where the content is.
    enum Discovery: String, CaseIterable { case configuration, lfsconfig, store }

    @Test(
        .enabled(if: hasClient, "skipped: git-lfs is not installed"),
        arguments: servers.flatMap { name in Discovery.allCases.map { (name, $0) } })
    func `we read what git-lfs pushed`(_ name: String, _ discovery: Discovery) throws {
        let box = try Sandbox()
        let server = try LFSTests.start(name, box)
        try pushWithGitLFS(box, "git config \(discovery == .lfsconfig ? "-f .lfsconfig" : "") lfs.url \(server.url)")
        try box.run("git clone -q plain.git copy")
        switch discovery {
        case .configuration: try box.run("git config lfs.url \(server.url)", in: "copy")
        case .lfsconfig: break
        case .store: try box.run("git mldata remote add --default server lfs::\(server.url)", in: "copy")
        }
        try expectContent(box)
        #expect(try box.run("git mldata fetch", in: "copy").output == "The local store has everything.\n")
    }

    @Test(.enabled(if: hasClient, "skipped: git-lfs is not installed"))
    func `content that git-lfs put beside a repository on this machine is found`() throws {
        let box = try Sandbox()
        try pushWithGitLFS(box, "true")
        #expect(box.exists("plain.git/lfs/objects"))
        try box.run("git clone -q plain.git copy")
        try expectContent(box)
    }

    @Test(.enabled(if: hasClient, "skipped: git-lfs is not installed"))
    func `what git-lfs has in this repository needs no network and can be pushed`() throws {
        let box = try Sandbox()
        try pushWithGitLFS(box, "true")
        try box.run("git remote remove origin && rm -rf ../plain.git", in: "plain")
        try box.run("git mldata cat HEAD:big.bin | cmp big.bin", in: "plain")
        // Nothing of it in our store: a push takes it from there too.
        try box.run("rm -rf .git/mldata && git mldata remote add --default disk lfs::../share", in: "plain")
        let said = try box.run("git mldata push", in: "plain").output
        #expect(said.hasPrefix("Uploaded 3 files (21.0 MiB) to "))
        #expect(try box.run("find share/objects -type f | wc -l").output.trimmed == "3")
    }

    @Test func `without a store of Git LFS a push asks no LFS server`() throws {
        let box = try Sandbox()
        let server = try LFSServer(box)
        try box.makeRepository()
        try box.write("content\n", to: "repo/data/f")
        try box.run("git config lfs.url \(server.url) && git add data && git commit -q -m f", in: "repo")
        try box.run("git push -q -u origin main && rm -rf .git/mldata data && git checkout -q -- data", in: "repo")
        #expect(try box.text("repo/data/f") == "content\n")
        #expect(try server.requests() == [])
    }

    @Test(.enabled(if: hasClient, "skipped: git-lfs is not installed"))
    func `the hook leaves files of git-lfs to git-lfs`() throws {
        let box = try Sandbox()
        let server = try LFSServer(box)
        try pushWithGitLFS(box, "git mldata install -q && git config lfs.url \(server.url)")
        #expect(try server.requests().filter { $0.hasPrefix("PUT") }.count == 3)
        #expect(try box.run("git ls-remote plain.git 'refs/mldata/*'").output == "")
        // Asked for by name, they go to our remote as well.
        #expect(try box.run("git mldata push", in: "plain").output.hasPrefix("Uploaded 3 files"))
    }

    @Test func `a clone may name a server and nothing else`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("secret\n", to: "repo/data/f")
        try box.run("git add data && git commit -q -m f", in: "repo")
        let hex = ObjectID.of("secret\n").hex
        try box.write("secret\n", to: "elsewhere/objects/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)")
        try box.run("rm -rf .git/mldata && git config -f .lfsconfig lfs.url '\(box.root)/elsewhere'", in: "repo")
        #expect(try box.attempt("git mldata fetch", in: "repo").status == 128)
        try box.run("git config -f .lfsconfig lfs.url 'ssh://-oProxyCommand=touch%20hit/x'", in: "repo")
        #expect(try box.attempt("git mldata fetch", in: "repo").firstError.contains("is no valid SSH address"))
        // What the user says is another matter.
        try box.run("git config lfs.url '\(box.root)/elsewhere' && git mldata fetch", in: "repo")
    }

    @Test func `a cut line does not matter`() throws {
        let box = try Sandbox()
        let server = try LFSServer(box, "--fault cut=1")
        try box.makeRepository()
        let big = randomBytes(3_000_000, seed: 1)
        try box.write(big, to: "repo/data/f")
        try box.run("git mldata remote add --default server lfs::\(server.url)", in: "repo")
        try box.run("git add data && git commit -q -m f && git push -q origin main", in: "repo")
        try box.run("rm -rf .git/mldata data && git checkout -q -- data", in: "repo")
        #expect(try box.read("repo/data/f") == big)
        #expect(try server.requests().contains { $0.hasSuffix(" 206 bytes=1500000-") })
    }

    @Test func `wrong bytes from a server reach neither store nor work tree`() throws {
        let box = try Sandbox()
        let server = try LFSServer(box, "--fault wrong=1")
        try box.makeRepository()
        let big = randomBytes(3_000_000, seed: 1)
        try box.write(big, to: "repo/data/f")
        try box.run("git mldata remote add --default server lfs::\(server.url)", in: "repo")
        try box.run("git add data && git commit -q -m f && git push -q origin main", in: "repo")
        try box.run("rm -rf .git/mldata data && GIT_MLDATA_SKIP_SMUDGE=1 git checkout -q -- data", in: "repo")
        let pull = try box.attempt("git mldata pull", in: "repo")
        #expect(pull.status == 128)
        #expect(pull.firstError.hasSuffix("has another hash"), "\(pull.errors)")
        #expect(pull.errors.contains("\nhint: "))
        #expect(try box.text("repo/data/f").hasPrefix("version https://git-lfs"))
        #expect(try !box.exists("repo/.git/mldata/packs") || Files.list(box.root + "/repo/.git/mldata/packs") == [])
        try box.run("git mldata pull", in: "repo")
        #expect(try box.read("repo/data/f") == big)
    }

    /// A repository that git-lfs pushed, with three files, in `plain` and `plain.git`.
    private func pushWithGitLFS(_ box: Sandbox, _ setting: String) throws {
        try box.run("git init -q --bare plain.git && git init -q plain && git -C plain remote add origin ../plain.git")
        try LFSTests.writeFiles(box, "plain")
        try box.run(
            """
            git lfs install --local >/dev/null && git lfs track '*.bin' >/dev/null && \(setting) &&
            git config lfs.locksverify false && git add . && git commit -q -m data && git push -q origin main
            """, in: "plain")
    }

    /// The clone's pointers are ours: everything reads as content.
    private func expectContent(_ box: Sandbox) throws {
        #expect(try box.run("git mldata fetch", in: "copy").output == "Downloaded 21.0 MiB in 3 objects\n")
        for file in ["one", "mid", "big"] {
            try box.run("git mldata cat HEAD:\(file).bin | cmp ../original/\(file).bin", in: "copy")
        }
    }
}
