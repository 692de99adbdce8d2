import Base
import TestSupport
import Testing

/// `dvc.lock`, read and written, through real git.
@Suite struct DVCLockTests {
    static let pipeline = """
        stages:
          prep:
            cmd:
              - mkdir -p dir
              - cp a b; echo x > dir/ü
            deps: [a]
            params: [lr, "other.json": ]
            outs: [b, dir]
          each:
            foreach: [1, 2]
            do:
              cmd: echo ${item} ${lr} > e${item}.txt
              deps: [b]
              metrics:
              - e${item}.txt: {cache: false}

        """
    /// Written by DVC 3.67.1 for these files.
    static let lock = """
        schema: '2.0'
        stages:
          prep:
            cmd:
            - mkdir -p dir
            - cp a b; echo x > dir/ü
            deps:
            - path: a
              hash: md5
              md5: 60b725f10c9c85c70d97880dfe8191b3
              size: 2
            params:
              params.yaml:
                lr: 0.1
              other.json:
                c:
                - 1
                - 2.5
            outs:
            - path: b
              hash: md5
              md5: 60b725f10c9c85c70d97880dfe8191b3
              size: 2
            - path: dir
              hash: md5
              md5: 2a51c43ce80d14d7e4a2792e562fe6aa.dir
              size: 2
              nfiles: 1
          each@1:
            cmd: echo 1 0.1 > e1.txt
            deps:
            - path: b
              hash: md5
              md5: 60b725f10c9c85c70d97880dfe8191b3
              size: 2
            outs:
            - path: e1.txt
              hash: md5
              md5: 82a2cfe7ffeed3cce957a441963fe459
              size: 6
          each@2:
            cmd: echo 2 0.1 > e2.txt
            deps:
            - path: b
              hash: md5
              md5: 60b725f10c9c85c70d97880dfe8191b3
              size: 2
            outs:
            - path: e2.txt
              hash: md5
              md5: 805301289e6b916f85e079b35512dd4e
              size: 6

        """

    private func prepare(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.write(DVCLockTests.pipeline, to: "repo/dvc.yaml")
        try box.write("lr: 0.1\n", to: "repo/params.yaml")
        try box.write("{\"c\": [1, 2.5]}\n", to: "repo/other.json")
        try box.write("a\n", to: "repo/a")
    }

    @Test func `what DVC ran is up to date, and is recorded`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.write(DVCLockTests.lock, to: "repo/dvc.lock")
        try box.run("cp a b && mkdir dir && echo x > dir/ü && echo 1 0.1 > e1.txt && echo 2 0.1 > e2.txt", in: "repo")
        #expect(try box.run("git mlrun status --json", in: "repo").output == "{}\n")
        let said = try box.run("git mlrun repro", in: "repo").output
        #expect(said.hasSuffix("Data and pipelines are up to date.\n") && !said.contains("Running"), "\(said)")
        // From now on without the lock.
        try box.run("rm dvc.lock", in: "repo")
        #expect(try box.run("git mlrun status", in: "repo").output == "Data and pipelines are up to date.\n")
    }

    @Test func `what changed since DVC ran is told in DVC's words`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.write(DVCLockTests.lock, to: "repo/dvc.lock")
        try box.run("cp a b && mkdir dir && echo y > dir/ü && echo 1 0.1 > e1.txt", in: "repo")
        try box.write("b\n", to: "repo/a")
        try box.write("lr: 0.2\n", to: "repo/params.yaml")
        #expect(
            try box.run("git mlrun status", in: "repo").output
                == "prep:\n\tchanged deps:\n\t\tmodified:           a\n\t\tparams.yaml:\n\t\t\tmodified:           lr\n"
                + "\tchanged outs:\n\t\tmodified:           dir\neach@1:\n\tchanged command\neach@2:\n\tchanged outs:\n"
                + "\t\tdeleted:            e2.txt\n\tchanged command\n")
        let json = try JSON(parsing: try box.run("git mlrun status --json", in: "repo").output)
        #expect(json["each@1"] == ["changed command"])
        #expect(
            json["prep"]?.arrayValue?.first == ["changed deps": ["a": "modified", "params.yaml": ["lr": "modified"]]])
    }

    @Test func `the lock that is written is DVC's own`() throws {
        let box = try Sandbox()
        try prepare(box)
        try box.run("mkdir .dvc && git mlrun repro -q --write-dvc-lock", in: "repo")
        #expect(try box.text("repo/dvc.lock") == DVCLockTests.lock)
        #expect(try box.text("repo/.dvc/cache/files/md5/60/b725f10c9c85c70d97880dfe8191b3") == "a\n")
        #expect(
            try box.text("repo/.dvc/cache/files/md5/2a/51c43ce80d14d7e4a2792e562fe6aa.dir")
                == "[{\"md5\": \"401b30e3b8b5d629635a5c613cdb7919\", \"relpath\": \"\\u00fc\"}]")
        // A stage that changed takes its place; the others stay.
        try box.write("b\n", to: "repo/a")
        try box.run("git mlrun repro -q prep --write-dvc-lock", in: "repo")
        let lock = try box.text("repo/dvc.lock")
        #expect(lock.contains("md5: 3b5d5c3712955042212316173ccf37be\n") && lock.contains("  each@2:\n"))
    }
}
