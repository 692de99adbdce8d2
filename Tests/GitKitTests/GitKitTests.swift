import Base
import GitKit
import TestSupport
import Testing

@Suite struct GitKitTests {
    @Test(arguments: [2, 3, 4]) func `the index reads as git lists it, and fresh stat data satisfies git`(version: Int)
        throws
    {
        let box = try Sandbox()
        try box.run("git init -q repo")
        for name in ["a", "b/c", "b/d e", "ü", "long/\(String(repeating: "x", count: 200))"] {
            try box.write("x\n", to: "repo/" + name)
        }
        try box.run("git add -A && git commit -q -m x && git update-index --index-version \(version)", in: "repo")
        if version == 3 { try box.run("echo n > new && git add -N new", in: "repo") }
        let repository = try Repository(discoveringFrom: box.root + "/repo")
        let index = try IndexFile(path: repository.indexPath)
        let expected = try box.run("git -c core.quotePath=off ls-files -s", in: "repo").output.split(separator: "\n")
        #expect(
            index.entries.map { "\(String($0.mode, radix: 8)) \($0.id) \($0.stage)\t\($0.path)" }
                == expected.map(String.init))
        // A file rewritten with the same content is refreshed without git reading it.
        try box.run("sleep 1.1; printf 'x\\n' > a; touch -d '2 seconds ago' a", in: "repo")
        let entry = try #require(index.entriesByPath()["a"])
        let status = try #require(Files.status(box.root + "/repo/a"))
        #expect(!entry.matches(status))
        #expect(try IndexFile.refresh(path: repository.indexPath, ["a": status], expected: ["a": entry.id]) == 1)
        #expect(try IndexFile(path: repository.indexPath).entriesByPath()["a"]?.matches(status) == true)
        #expect(try box.run("git fsck && git diff-files -- a", in: "repo").output == "")
        // Read in parts it is the same, and updates come in any order.
        var parts: [Int] = []
        var read: [IndexEntry] = []
        try IndexFile.forEachStretch(path: repository.indexPath, count: 2) {
            parts.append($0.count)
            read += $0
        }
        #expect(read == (try IndexFile(path: repository.indexPath).entries))
        #expect(parts.dropLast().allSatisfy { $0 == 2 } && parts.count == (read.count + 1) / 2)
        try box.run("sleep 1.1; find . -path ./.git -prune -o -type f -exec touch -d '3 seconds ago' {} +", in: "repo")
        var updates = IndexUpdates()
        for entry in read.reversed() where entry.path != "new" {
            updates.append(entry.path, try #require(Files.status(box.root + "/repo/" + entry.path)), entry.id)
        }
        updates.append("not there", status, entry.id)
        updates.append("b/c", status, .zero)
        #expect(try IndexFile.refresh(path: repository.indexPath, updates) == 5)
        #expect(try box.run("git fsck && git diff-files --name-only -- . ':!new'", in: "repo").output == "")
    }

    @Test func `many blobs become one pack with git's own ids`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        let repository = try Repository(discoveringFrom: box.root + "/repo")
        var contents = (0..<200).map { Array("content \($0)\n".utf8) }
        // Empty, twice the same, and at the limits of a stored block and of the length's digits.
        contents +=
            [[], contents[3]] + [15, 16, 2047, 2048, 65535, 65536, 200_000].map { [UInt8](repeating: 7, count: $0) }
        let ids = try repository.writeBlobs(contents)
        #expect(try box.run("git cat-file --batch-check --batch-all-objects | wc -l", in: "repo").output == "208\n")
        #expect(
            try box.run("git fsck --full --strict 2>&1 | grep -v dangling || true", in: "repo").output.contains("error")
                == false)
        #expect(try zip(ids, contents).allSatisfy { try repository.readBlob($0) == $1 })
        #expect(try repository.writeBlobs(contents) == ids)
        #expect(try box.run("ls .git/objects/pack/*.pack | wc -l", in: "repo").output == "1\n")
        let hashed = try box.run("git hash-object --stdin", in: "repo", input: contents[17]).output
        #expect(hashed == ids[17].hex + "\n")
        #expect(try repository.readBlob(ids[199]) == contents[199])
    }

    @Test func `a configuration file is read without what it includes`() throws {
        let box = try Sandbox()
        try box.write("[mldata]\n\tdefaultRemote = theirs\n\tother = x\n", to: "included")
        try box.write("[mldata]\n\tdefaultRemote = ours\n[include]\n\tpath = included\n", to: "config")
        let read = try Configuration(file: box.root + "/config")
        #expect(read["mldata.defaultRemote"] == "ours" && read["mldata.other"] == nil)
    }

    @Test func `a ref moves only from where it was expected`() throws {
        let box = try Sandbox()
        try box.run(
            "git init -q repo && cd repo && git commit -q --allow-empty -m 1 && git commit -q --allow-empty -m 2")
        let repository = try Repository(discoveringFrom: box.root + "/repo")
        let (one, two) = (try repository.commit("HEAD~1").id, try repository.commit("HEAD").id)
        #expect(try repository.compareAndSwap("refs/mlrun/x", from: nil, to: one, message: "m"))
        #expect(try !repository.compareAndSwap("refs/mlrun/x", from: nil, to: two, message: "m"))
        #expect(try !repository.compareAndSwap("refs/mlrun/x", from: two, to: one, message: "m"))
        #expect(try repository.compareAndSwap("refs/mlrun/x", from: one, to: two, message: "m"))
        #expect(repository.reference("refs/mlrun/x") == two)
    }

    @Test func `configuration is what git says`() throws {
        let box = try Sandbox()
        try box.run(
            "git init -q repo && cd repo && git config mldata.inlineLimit 2m && git config a.Sub.key v && git config --bool b.c yes"
        )
        let configuration = try Configuration(GitCommand(directory: box.root + "/repo"))
        #expect(try configuration.integer("MLDATA.inlinelimit") == 2 << 20)
        #expect(configuration["a.Sub.KEY"] == "v" && configuration["a.sub.key"] == nil)
        #expect(try configuration.bool("b.c") == true)
        #expect(Configuration.parseInteger("9223372036854775807k") == nil && Configuration.parseInteger("x") == nil)
    }

    @Test func `commits, trees and ranges read without a checkout`() throws {
        let box = try Sandbox()
        try box.run(
            "git init -q --bare bare.git && git clone -q bare.git repo 2>/dev/null && cd repo && mkdir d && echo 1 > d/f && git add . && git commit -q -m one && echo 2 > d/f && git commit -q -am two && git push -q origin HEAD"
        )
        let repository = try Repository(discoveringFrom: box.root + "/bare.git")
        #expect(repository.workTree == nil)
        let old = try repository.commit("HEAD~1")
        #expect(old.subject == "one")
        let entry = try #require(try repository.entry(inTree: old.tree, at: "d/f"))
        #expect(try repository.readBlob(entry.id) == Array("1\n".utf8))
        #expect(try repository.log("HEAD~1..HEAD").map(\.subject) == ["two"])
        #expect(throws: MLError.self) { try repository.commit("nowhere") }
    }
}
