import Base
import TestSupport
import Testing

@Suite struct HousekeepingTests {
    /// A repository with three pushed commits of one file that grows, on a folder store.
    private func pushed() throws -> Sandbox {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata remote add -d st '\(box.root)/store'", in: "repo")
        for number in 0..<3 {
            try box.write(randomBytes(400_000, seed: UInt64(number)), to: "repo/data/file")
            try box.run(
                "git mldata add -q data && git commit -q -m c\(number) && git push -q origin HEAD:main", in: "repo")
        }
        return box
    }

    @Test func `gc keeps what branches, stashes, the index and other work trees need`() throws {
        let box = try pushed()
        // One version each that only a stash, an older stash, the index or a linked work tree uses; all are pushed.
        for (seed, keep) in [(10, "git stash -q"), (11, "git stash -q")] {
            try box.write(randomBytes(300_000, seed: UInt64(seed)), to: "repo/data/file")
            try box.run("git mldata add -q data && \(keep)", in: "repo")
        }
        try box.run("git worktree add -q --detach ../tree HEAD~1", in: "repo")
        try box.write(randomBytes(300_000, seed: 12), to: "tree/data/file")
        try box.run("git mldata add -q data", in: "tree")
        try box.write(randomBytes(300_000, seed: 13), to: "repo/data/file")
        try box.run("git mldata add -q data", in: "repo")
        let oids = (10...13).map { ObjectID.of(randomBytes(300_000, seed: UInt64($0))).hex }
        // Whatever is unused must not survive only because it is not pushed: so push the store's whole content.
        try box.run(
            "git stash list | cut -d: -f1 | while read s; do git branch -q keep-$s $s; done; git mldata push -q --all",
            in: "repo")
        #expect(try box.run("git mldata gc", in: "repo").output.hasPrefix("Nothing to drop"))
        try box.run(
            "for s in $(git branch --list 'keep-*' --format '%(refname:short)'); do git branch -qD $s; done", in: "repo"
        )
        try box.run("git mldata gc --unpushed --grace 0", in: "repo")
        for (number, oid) in oids.enumerated() {
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize 300000\n"
            let content = try box.attempt("git mldata smudge", in: "repo", input: Array(pointer.utf8))
            #expect(content.bytes == randomBytes(300_000, seed: UInt64(10 + number)), "version \(10 + number)")
        }
    }

    @Test func `gc drops only what nothing uses and the remote is proven to have`() throws {
        let box = try pushed()
        try box.run("git checkout -q -b side", in: "repo")
        try box.write(randomBytes(500_000, seed: 20), to: "repo/data/side")
        try box.run("git mldata add -q data && git commit -q -m side && git push -q origin side", in: "repo")
        try box.write(randomBytes(500_000, seed: 21), to: "repo/data/never-pushed")
        try box.run("git mldata add -q data && git commit -q -m more", in: "repo")
        try box.run(
            "git checkout -q main && git branch -qD side && git update-ref -d refs/remotes/origin/side", in: "repo")
        try box.run("rm -f .git/ORIG_HEAD", in: "repo")
        let dry = try box.run("git mldata gc -n", in: "repo").output
        #expect(dry.hasPrefix("Would drop ") && dry.contains("unused objects, 488."))
        // A pack that is gone from the remote proves nothing.
        try box.run("mkdir ../aside && mv ../store/packs/*.pack ../aside/", in: "repo")
        #expect(try box.run("git mldata gc", in: "repo").output.hasPrefix("Nothing to drop"))
        try box.run("mv ../aside/*.pack ../store/packs/", in: "repo")
        let done = try box.run("git mldata gc", in: "repo").output
        #expect(done.hasPrefix("Dropped ") && done.contains("that '") == false && done.contains("does not have."))
        #expect(try box.run("git mldata gc", in: "repo").output.hasPrefix("Nothing to drop"))
        #expect(try box.run("git mldata fsck HEAD HEAD~1 HEAD~2", in: "repo").output == "No findings.\n")
        // What was dropped comes back from the remote; what was never pushed is still here.
        for (name, seed) in [("side", 20), ("never-pushed", 21)] {
            let oid = ObjectID.of(randomBytes(500_000, seed: UInt64(seed))).hex
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize 500000\n"
            let content = try box.run("git mldata smudge \(name)", in: "repo", input: Array(pointer.utf8))
            #expect(content.bytes == randomBytes(500_000, seed: UInt64(seed)), "\(name)")
        }
    }

    @Test func `gc --tips also drops older versions, which can be fetched again`() throws {
        let box = try pushed()
        #expect(try box.run("git mldata gc --tips", in: "repo").output.hasPrefix("Dropped "))
        try box.run("mv ../store ../away", in: "repo")
        #expect(try box.run("git mldata cat HEAD:data/file", in: "repo").bytes == randomBytes(400_000, seed: 2))
        #expect(try box.attempt("git mldata cat HEAD~2:data/file", in: "repo").status == 128)
        try box.run("mv ../away ../store", in: "repo")
        #expect(try box.run("git mldata cat HEAD~2:data/file", in: "repo").bytes == randomBytes(400_000, seed: 0))
    }

    @Test func `a clone that shares the store is asked too`() throws {
        let box = try pushed()
        try box.run("git config mldata.store '\(box.root)/shared' && git mldata fetch -q --all", in: "repo")
        try box.run("git clone -q --no-checkout repo.git other")
        try box.run(
            "git config mldata.store '\(box.root)/shared' && git mldata install -q && git checkout -q main", in: "other"
        )
        try box.write(randomBytes(200_000, seed: 30), to: "other/data/own")
        try box.run(
            "git mldata remote add -d st '\(box.root)/store' && git mldata add -q data && git commit -q -m own",
            in: "other")
        try box.run("git mldata push -q --all", in: "other")
        #expect(try box.run("git mldata gc --unpushed --grace 0", in: "repo").output.hasPrefix("Nothing to drop"))
        try box.run("rm -rf other")
        let said = try box.run("git mldata gc", in: "repo")
        #expect(
            said.output.hasPrefix("Dropped ") && said.errors.contains("shared this store and is not there any more"))
    }

    @Test func `a remote is collected after the grace period and a push in between saves what it needs`() throws {
        let box = try pushed()
        try box.write(randomBytes(500_000, seed: 40), to: "repo/data/side")
        try box.run(
            "git checkout -q -b side && git mldata add -q data && git commit -q -m side && git push -q origin side",
            in: "repo")
        try box.run(
            "git checkout -q main && git branch -qD side && git push -q origin :side && rm -f .git/ORIG_HEAD",
            in: "repo")
        #expect(try box.run("git mldata gc --remote st", in: "repo").output.contains("are in the grace period of 14d"))
        #expect(try Files.list(box.root + "/store/gc").count == 1)
        // Somebody needs it again: condemned objects are uploaded anew.
        try box.write(randomBytes(500_000, seed: 40), to: "repo/data/again")
        try box.run("git mldata add -q data && git commit -q -m again && git push -q origin main", in: "repo")
        #expect(try Files.list(box.root + "/store/packs").count == 10)
        #expect(try box.run("git mldata gc --remote st --grace 0", in: "repo").output.hasPrefix("Nothing to drop"))
        try box.run(
            "rm -rf .git/mldata/packs && git mldata fetch -q --all && git mldata fsck HEAD HEAD~1 HEAD~2", in: "repo")
        #expect(try Files.list(box.root + "/store/gc").isEmpty)
        // Unused for good, it goes.
        try box.run("git reset -q --hard HEAD~1 && git push -q -f origin main && rm -f .git/ORIG_HEAD", in: "repo")
        #expect(try box.run("git mldata gc --remote st --grace 0", in: "repo").output.hasPrefix("Dropped "))
        #expect(try Files.list(box.root + "/store/packs").count == 6)
        // A history that is not here may need anything.
        try box.run(
            "git clone -q repo.git stranger && cd stranger && git commit -q --allow-empty -m x && git push -q origin HEAD:news"
        )
        let refused = try box.attempt("git mldata gc --remote st --grace 0", in: "repo")
        #expect(refused.status == 128 && refused.errors.contains("hint: run 'git fetch --all --tags' first"))
    }

    @Test func `fsck --repair sets damage aside and restores from work tree and remote`() throws {
        let box = try pushed()
        let packs = try Files.list(box.root + "/repo/.git/mldata/packs").filter { $0.hasSuffix(".pack") }
        #expect(packs.count == 3)
        for pack in packs {
            let path = box.root + "/repo/.git/mldata/packs/" + pack
            var bytes = try Files.read(path)
            bytes[bytes.count / 2] ^= 0xff
            try box.run("chmod u+w '\(path)'")
            try Files.writeAtomically(bytes, to: path)
        }
        let before = try box.attempt("git mldata fsck HEAD HEAD~1 HEAD~2", in: "repo")
        #expect(before.status == 1 && before.output.contains("corrupt: data/file"))
        #expect(try box.attempt("git mldata fsck --repair --dry-run HEAD", in: "repo").status == 1)
        try box.run("mv ../store ../away", in: "repo")
        // Without the remote only what lies in the work tree can come back.
        let half = try box.attempt("git mldata fsck --repair HEAD", in: "repo")
        #expect(half.status == 0 && half.errors.contains("Restored: data/file"), "\(half.errors)")
        #expect(try box.attempt("git mldata fsck HEAD~1", in: "repo").output.hasPrefix("missing: data/file"))
        try box.run("mv ../away ../store", in: "repo")
        let whole = try box.attempt("git mldata fsck --repair HEAD HEAD~1 HEAD~2", in: "repo")
        #expect(whole.status == 0 && whole.output == "No findings.\n", "\(whole.errors)")
        #expect(try Files.list(box.root + "/repo/.git/mldata/quarantine").count == 6)
    }

    @Test func `repack joins packs and loses nothing`() throws {
        let box = try pushed()
        #expect(try box.run("git mldata repack", in: "repo").output.hasPrefix("3 packs, now 1: "))
        #expect(try box.run("git mldata fsck HEAD HEAD~1 HEAD~2", in: "repo").output == "No findings.\n")
    }

    @Test func `du counts shared chunks once`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let shared = randomBytes(1_000_000, seed: 50)
        try box.write(shared, to: "repo/data/a/one")
        try box.write(shared, to: "repo/data/b/two")
        try box.write(shared + randomBytes(100_000, seed: 51), to: "repo/data/b/three")
        try box.run("git mldata add -q data", in: "repo")
        let total = try JSON(parsing: box.run("git mldata du --json -d 2", in: "repo").bytes)
        #expect(total["total"]?["logical"]?.intValue == 3_100_000)
        let stored = try #require(total["total"]?["stored"]?.intValue)
        #expect((1_100_000..<1_350_000).contains(stored))
        let entries = try #require(total["entries"]?.arrayValue)
        #expect(entries.compactMap { $0["path"]?.stringValue } == ["data", "data/a", "data/b"])
        // Folder a shares all it has; b holds the tail alone.
        #expect(entries[1]["alone"]?.intValue == 0)
        #expect(try box.run("git mldata du", in: "repo").output.contains("Files     Size  "))
    }

    @Test func `doctor finds what is wrong and names the fix`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("x\n", to: "repo/data/f")
        try box.run("git mldata add -q data && git commit -q -m x", in: "repo")
        #expect(try box.attempt("git mldata doctor", in: "repo").status == 0)
        try box.run("rm .git/hooks/pre-push && git config filter.mldata.required false", in: "repo")
        // Content committed past the filter.
        try box.run(
            "git -c filter.mldata.process= -c filter.mldata.clean= hash-object -w --no-filters .gitattributes > ../id",
            in: "repo")
        try box.run("git update-index --add --cacheinfo 100644,$(cat ../id),data/raw", in: "repo")
        let said = try box.attempt("git mldata doctor", in: "repo")
        #expect(said.status == 1)
        for line in [
            "fix: git mldata install", "missing in", "filter.mldata.required is not true",
            "'data/raw' should be a pointer, but Git holds the content", "fix: git add --renormalize . && git commit",
        ] {
            #expect(said.output.contains(line), "\(line)")
        }
        #expect(try JSON(parsing: box.attempt("git mldata doctor --json", in: "repo").bytes)["version"]?.intValue == 1)
    }
}
