import Base
import Glibc
import TestSupport
import Testing

/// SIGKILL at random moments, some hundreds of times: whatever was under way can be done again, and nothing is lost.
@Suite(.serialized) struct KillTests {
    /// Runs a command in its own process group and kills the whole of it after a random part of `span` seconds.
    private func kill(_ box: Sandbox, _ command: String, in folder: String, span: Double, _ random: inout SeededRandom)
        throws
    {
        let delay = Double(random.next() >> 11) / Double(1 << 53) * span
        _ = try box.attempt("timeout -s KILL \(delay) sh -c '\(command)' >/dev/null 2>&1 || true", in: folder)
    }

    private func files(_ round: Int) -> [(String, [UInt8])] {
        (0..<12).map { ("data/f\($0)", randomBytes(2000 + $0 * 30_000, seed: UInt64(round * 100 + $0))) }
    }

    @Test func `add, 100 kills`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        var random = SeededRandom(seed: 1, purpose: "kill add")
        for round in 0..<100 {
            for (path, bytes) in files(round) { try box.write(bytes, to: "repo/" + path) }
            try kill(box, round % 2 == 0 ? "git mldata add data" : "git add data", in: "repo", span: 0.12, &random)
            try box.run("rm -f .git/index.lock", in: "repo")
            // The store is whole and what the index names is there.
            let check = try box.attempt("git mldata fsck", in: "repo")
            #expect(check.status == 0, "round \(round): \(check.output)\(check.errors)")
            for (path, bytes) in files(round) { #expect(try box.read("repo/" + path) == bytes) }
            guard round % 10 == 9 else { continue }
            try box.run(
                "git mldata add -q data && git commit -q -m r\(round) && git mldata fsck && git fsck", in: "repo")
            #expect(try box.run("git status --porcelain", in: "repo").output == "")
        }
        #expect(try Files.list(box.root + "/repo/.git/mldata/tmp").count <= 1)
    }

    @Test func `push, 100 kills`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata remote add -q -d st '\(box.root)/store'", in: "repo")
        var random = SeededRandom(seed: 2, purpose: "kill push")
        for round in 0..<100 {
            if round % 10 == 0 {
                for (path, bytes) in files(round) { try box.write(bytes, to: "repo/" + path) }
                try box.run("git mldata add -q data && git commit -q -m r\(round)", in: "repo")
            }
            try kill(box, "git push -q origin HEAD:main", in: "repo", span: 0.2, &random)
            try box.run(
                "find ../repo.git -name '*.lock' -delete && find .git/refs .git/packed-refs* -name '*.lock' -delete || true",
                in: "repo")
            // What the Git remote has, the store has.
            let tip = try box.attempt("git rev-parse -q --verify main", in: "repo.git")
            if tip.status == 0 {
                try box.run("rm -rf ../look && git clone -q --no-checkout ../repo.git ../look", in: "repo")
                let got = try box.attempt(
                    "git mldata remote add -q -d st '\(box.root)/store' && git mldata fetch -q && git mldata fsck HEAD",
                    in: "look")
                #expect(got.status == 0, "round \(round): \(got.output)\(got.errors)")
            }
            if round % 10 == 9 { try box.run("git push -q origin HEAD:main", in: "repo") }
        }
    }

    @Test func `pull and checkout, 100 kills`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata remote add -q -d --shared st '\(box.root)/store'", in: "repo")
        for round in 0..<2 {
            for (path, bytes) in files(round) { try box.write(bytes, to: "repo/" + path) }
            try box.write(randomBytes(1_300_000, seed: UInt64(90 + round)), to: "repo/data/large")
            try box.run(
                "git mldata add -q data && git commit -q -m r\(round) && git push -q origin HEAD:main", in: "repo")
        }
        try box.run("git mldata install --global -q && GIT_MLDATA_SKIP_SMUDGE=1 git clone -q repo.git copy")
        let versions = [0, 1].map { round in
            files(round) + [("data/large", randomBytes(1_300_000, seed: UInt64(90 + round)))]
        }
        let pointers = Set(
            versions.flatMap { $0 }.map { _, bytes in
                "version https://git-lfs.github.com/spec/v1\noid sha256:\(ObjectID.of(bytes).hex)\nsize \(bytes.count)\n"
            })
        var random = SeededRandom(seed: 3, purpose: "kill pull")
        for round in 0..<100 {
            let command =
                switch round % 3 {
                case 0: "git mldata pull"
                case 1: "git checkout -q -f HEAD~1 -- . ; git mldata sync"
                default: "rm -rf .git/mldata/packs; git checkout -q -f HEAD -- . ; git mldata sync"
                }
            try kill(box, command, in: "copy", span: 0.25, &random)
            try box.run("rm -f .git/index.lock", in: "copy")
            // git's own writing of small files through the filter is not ours to judge: what we fill in ourselves is.
            let large = try? box.read("copy/data/large")
            if let large {
                let isKnown =
                    versions.contains { $0.contains { $0.1 == large } }
                    || pointers.contains(String(decoding: large, as: UTF8.self))
                #expect(isKnown, "round \(round): \(large.count) bytes")
            }
            let check = try box.attempt(
                "git mldata fsck --pointers && git mldata fetch -q && git mldata fsck", in: "copy")
            #expect(check.status == 0, "round \(round): \(check.output)\(check.errors)")
        }
        try box.run("git checkout -q -f HEAD -- . && git mldata sync -q", in: "copy")
        for (path, bytes) in versions[1] { #expect(try box.read("copy/" + path) == bytes, "\(path)") }
        let left = try box.run("git status --porcelain && ls -A .git/mldata-sync", in: "copy").output
        #expect(left == "", "\(left)")
    }

    @Test func `gc and repack, 100 kills`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata remote add -q -d st '\(box.root)/store'", in: "repo")
        var random = SeededRandom(seed: 4, purpose: "kill gc")
        for round in 0..<100 {
            if round % 5 == 0 {
                for (path, bytes) in files(round) { try box.write(bytes, to: "repo/" + path) }
                try box.run("git mldata add -q data && git commit -q -m r\(round)", in: "repo")
                // Every other version is pushed and then forgotten by every ref.
                if round % 10 == 0 {
                    try box.run(
                        "git mldata push -q --all && git reset -q --hard HEAD~1 && rm -f .git/ORIG_HEAD", in: "repo")
                }
            }
            let command =
                switch round % 4 {
                case 0: "git mldata gc"
                case 1: "git mldata repack"
                case 2: "git mldata gc --unpushed --grace 0"
                default: "git mldata gc --remote st --grace 0"
                }
            try kill(box, command, in: "repo", span: 0.15, &random)
            let check = try box.attempt("git mldata fsck HEAD", in: "repo")
            #expect(check.status == 0, "round \(round) after \(command): \(check.output)\(check.errors)")
        }
        try box.run(
            "git mldata push -q --all && rm -rf .git/mldata/packs && git mldata fetch -q --all && git mldata fsck HEAD HEAD~1",
            in: "repo")
    }

    @Test func `two adding, one pushing, one collecting at the same time`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run(
            "git mldata remote add -q -d st '\(box.root)/store' && git worktree add -q ../tree -b other", in: "repo")
        for number in 0..<60 {
            try box.write(randomBytes(20_000, seed: UInt64(1000 + number)), to: "repo/data/a\(number)")
            try box.write(randomBytes(20_000, seed: UInt64(2000 + number)), to: "tree/data/b\(number)")
        }
        let outcome = try box.attempt(
            """
            (cd repo && for i in $(seq 0 59); do git mldata add -q data/a$i || echo fail add; done) &
            (cd tree && for i in $(seq 0 59); do git mldata add -q data/b$i || echo fail add; done) &
            (cd repo && for i in $(seq 15); do git mldata push -q --all || echo fail push; done) &
            (cd tree && for i in $(seq 15); do git mldata gc -q --unpushed --grace 1d || echo fail gc; git mldata repack -q || echo fail repack; done) &
            wait
            """)
        #expect(outcome.output == "", "\(outcome.output)\(outcome.errors)")
        try box.run("git commit -q -m a && git mldata fsck", in: "repo")
        try box.run("git commit -q -m b && git mldata fsck && git mldata push -q --all", in: "tree")
        try box.run("rm -rf .git/mldata/packs && git mldata fetch -q --all && git mldata fsck main other", in: "repo")
    }
}
