import Base
import TestSupport
import Testing

/// Plain `git-lfs` with `git mldata lfs-agent` behind it.
@Suite(.enabled(if: LFSTests.hasClient, "skipped: git-lfs is not installed"))
struct LFSAgentTests {
    /// Three commands, as in the documentation.
    private static let setUp = """
        git lfs install --local >/dev/null && git config lfs.standalonetransferagent mldata &&
        git config lfs.customtransfer.mldata.path git-mldata && git config lfs.customtransfer.mldata.args lfs-agent &&
        git config lfs.customtransfer.mldata.concurrent false
        """

    /// A repository whose content git-lfs has pushed through us.
    private func make(_ box: Sandbox, remote: String) throws {
        try box.run("git init -q --bare r.git && git init -q repo && git -C repo remote add origin '\(box.root)/r.git'")
        try LFSTests.writeFiles(box, "repo")
        try box.run("cat big.bin one.bin >again.bin", in: "repo")
        try box.run(
            """
            \(LFSAgentTests.setUp) && \(remote)
            git lfs track '*.bin' >/dev/null && git add . && git commit -q -m data && git push -q origin main
            """, in: "repo")
    }

    private func expectClone(_ box: Sandbox, _ remote: String) throws {
        try box.run(
            "git clone -q -n r.git copy && cd copy && \(LFSAgentTests.setUp) && \(remote)\ngit checkout -q main && git lfs fsck"
        )
        try LFSTests.expectFiles(box, "copy")
        #expect(try Files.list(box.root + "/copy/.git/lfs/tmp") == [])
        #expect(try box.run("git status --porcelain", in: "copy").output == "")
    }

    @Test func `git-lfs stores in a folder of ours, without duplicates`() throws {
        let box = try Sandbox()
        let remote = "git mldata remote add -q --default disk ../storage"
        try make(box, remote: remote)
        // 41 MiB of files, of which 20 are the same.
        #expect(try box.size("storage/packs") < 22 << 20)
        #expect(!box.exists("r.git/lfs"))
        try expectClone(box, remote)
    }

    @Test func `git-lfs stores in the Git remote itself`() throws {
        let box = try Sandbox()
        try make(box, remote: "true")
        #expect(try !box.run("git ls-remote r.git 'refs/mldata/*'").output.isEmpty)
        try expectClone(box, "true")
    }

    @Test func `an object that is not there is an error of that object alone`() throws {
        let box = try Sandbox()
        let remote = "git mldata remote add -q --default disk ../storage"
        try make(box, remote: remote)
        let lost = ObjectID.of("x").hex
        let content = try box.read("original/one.bin")
        let one = ObjectID.of(content).hex
        let conversation = """
            {"event":"init","operation":"download","remote":"origin","concurrent":false,"concurrenttransfers":1}
            {"event":"download","oid":"\(lost)","size":1,"action":null}
            {"event":"download","oid":"\(one)","size":1,"action":null}
            {"event":"upload","oid":"\(lost)","size":1,"path":"one.bin","action":null}
            {"event":"terminate"}

            """
        let answer = try box.run("git mldata lfs-agent", in: "repo", input: Array(conversation.utf8))
        let lines = try answer.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.first == .object([:]))
        let complete = lines.filter { $0["event"] == "complete" }
        #expect(complete.count == 3)
        #expect(complete.first?["error"]?["code"] == 404 && complete.first?["oid"]?.stringValue == lost)
        #expect(complete[1]["error"] == nil)
        #expect(try Files.read(complete[1]["path"]?.stringValue ?? "") == content)
        // What is not what its name says goes nowhere.
        #expect(complete[2]["error"]?["message"]?.stringValue?.contains("does not hold object") == true)
        let nowhere = try box.attempt(
            "git -C r.git mldata lfs-agent --to nothing", input: Array(conversation.utf8.prefix { $0 != 10 }) + [10])
        #expect(
            try JSON(parsing: nowhere.output)["error"]?["message"]?.stringValue?.contains("no remote store") == true)
    }
}
