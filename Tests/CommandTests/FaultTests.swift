import Base
import Glibc
import TestSupport
import Testing

/// Bad input and bad luck: one clear line, git's exit code, nothing lost.
@Suite struct FaultTests {
    @Test func `outside a repository`() throws {
        let box = try Sandbox()
        for command in ["git mldata status", "git mldata add x", "git mlrun repro", "git mlrun log"] {
            let outcome = try box.attempt(command)
            #expect(outcome.status == 128, "\(command)")
            #expect(
                outcome.firstError == "fatal: not a git repository (or any of the parent directories)", "\(command)")
            #expect(outcome.errors.contains("\nhint: "), "\(command)")
        }
    }

    @Test func `a revision that does not exist`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        for command in [
            "git mldata ls nowhere", "git mldata cat nowhere:data/f", "git mlrun show nowhere",
            "git mlrun diff nowhere",
        ] {
            let outcome = try box.attempt(command, in: "repo")
            #expect(outcome.status == 128, "\(command)")
            #expect(outcome.firstError == "fatal: unknown revision 'nowhere'", "\(command)")
        }
    }

    @Test func `usage mistakes exit 129 and suggest`() throws {
        let box = try Sandbox()
        let outcome = try box.attempt("git mldata psuh")
        #expect(outcome.status == 129)
        #expect(
            outcome.errors
                == "fatal: 'psuh' is not a git mldata command\nhint: did you mean 'push'?\nhint: see 'git mldata -h'\n")
        #expect(try box.attempt("git mldata ls --nonsense").status == 129)
        #expect(try box.attempt("git mlrun split").status == 129)
    }

    @Test func `a corrupt pointer is named, passed on and lost nowhere`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let corrupt = "version https://git-lfs.github.com/spec/v1\noid sha256:12345\nsize 5\n"
        try box.write(corrupt, to: "repo/plain")
        try box.run(
            """
            id=$(git hash-object -w plain) && git update-index --add --cacheinfo 100644,$id,data/bad && git commit -q -m bad
            """, in: "repo")
        let checkout = try box.attempt("git checkout -- data/bad", in: "repo")
        #expect(checkout.errors.contains("warning: 'data/bad' holds a corrupt pointer"))
        #expect(try box.text("repo/data/bad") == corrupt)
        let fsck = try box.attempt("git mldata fsck", in: "repo")
        #expect(fsck.status == 1)
        #expect(fsck.output == "pointer: data/bad: corrupt pointer\n")
        #expect(try box.attempt("git mldata pointer --check plain", in: "repo").status == 1)
    }

    @Test func `a missing object stops a checkout and a push with its name`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write("content\n", to: "repo/data/f")
        try box.run("git add data && git commit -q -m f && rm -rf .git/mldata data", in: "repo")
        let checkout = try box.attempt("git checkout -- data/f", in: "repo")
        #expect(checkout.status != 0)
        #expect(checkout.errors.contains("fatal: "))
        #expect(checkout.errors.contains("data/f"))
        let push = try box.attempt("git push origin main", in: "repo")
        #expect(push.status != 0)
        #expect(push.errors.contains("fatal: content of 'data/f' ("))
        #expect(try box.run("git ls-remote origin", in: "repo").output == "")
        let pull = try box.attempt("git mldata fetch", in: "repo")
        #expect(pull.status == 128)
    }

    @Test func `a truncated pack is found and other objects stay readable`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(400_000, seed: 1), to: "repo/data/a")
        try box.run("git mldata add data/a", in: "repo")
        try box.write("other\n", to: "repo/data/b")
        try box.run("git mldata add data/b && git commit -q -m f", in: "repo")
        let packs = try Files.list(box.root + "/repo/.git/mldata/packs").filter { $0.hasSuffix(".pack") }
        let large = packs.first { Files.status(box.root + "/repo/.git/mldata/packs/" + $0)?.size ?? 0 > 100_000 } ?? ""
        try box.run("chmod u+w .git/mldata/packs/\(large); truncate -s 300000 .git/mldata/packs/\(large)", in: "repo")
        let fsck = try box.attempt("git mldata fsck", in: "repo")
        #expect(fsck.status == 1)
        #expect(fsck.output.contains("data/a"))
        #expect(!fsck.output.contains("data/b"))
        #expect(try box.run("git mldata cat HEAD:data/b", in: "repo").output == "other\n")
        let read = try box.attempt("git mldata cat HEAD:data/a >/dev/null", in: "repo")
        #expect(read.status == 128)
        #expect(read.errors.contains("hint: "))
    }

    @Test func `a full disk stops add, says so and loses nothing`() throws {
        let box = try Sandbox()
        try box.run("mkdir disk")
        guard try box.attempt("mount -t tmpfs -o size=6m tmpfs disk").status == 0 else {
            print("skipped: cannot mount a tmpfs here")
            return
        }
        defer { _ = try? box.attempt("umount disk") }
        try box.run(
            "git init -q disk/repo && cd disk/repo && git mldata install -q && git mldata track 'data/**' && mkdir data && git add -A && git commit -q -m s"
        )
        try box.write("first\n", to: "disk/repo/data/first")
        try box.run("git add data && git commit -q -m first", in: "disk/repo")
        try box.write(randomBytes(3_500_000, seed: 2), to: "disk/repo/data/big")
        for command in ["git mldata add data", "git add data"] {
            let add = try box.attempt(command, in: "disk/repo")
            #expect(add.status == 128, "\(command): \(add.errors)")
            #expect(add.errors.contains("No space left on device"), "\(command): \(add.errors)")
            #expect(add.errors.contains("hint: "), "\(command): \(add.errors)")
        }
        #expect(try box.run("git mldata cat HEAD:data/first", in: "disk/repo").output == "first\n")
        try box.run("mount -o remount,size=20m disk")
        try box.run("git add data && git commit -q -m big && git mldata fsck", in: "disk/repo")
    }

    @Test(arguments: 0..<6) func `a process killed in the middle of add leaves a store that works`(round: Int) throws {
        let box = try Sandbox()
        try box.makeRepository()
        for number in 0..<40 { try box.write(randomBytes(300_000, seed: UInt64(number)), to: "repo/data/f\(number)") }
        let command = round % 2 == 0 ? "git mldata add data" : "git add data"
        _ = try box.attempt(
            "timeout -s KILL 0.0\(round + 1) setsid \(command); pkill -KILL -g 0 git-mldata-filter-none; true",
            in: "repo")
        try box.run(
            "sleep 0.2; rm -f .git/index.lock; git add data && git commit -q -m all && git mldata fsck", in: "repo")
        try box.run("rm -rf data && git checkout -q -- data", in: "repo")
        for number in 0..<40 {
            #expect(try box.read("repo/data/f\(number)") == randomBytes(300_000, seed: UInt64(number)))
        }
    }

    @Test(arguments: [0.02, 0.05, 0.1]) func `a push that is killed can be repeated`(after: Double) throws {
        let box = try Sandbox()
        try box.makeRepository()
        for number in 0..<10 { try box.write(randomBytes(500_000, seed: UInt64(number)), to: "repo/data/f\(number)") }
        try box.run("git mldata remote add --default disk ../storage && git add data && git commit -q -m f", in: "repo")
        _ = try box.attempt("timeout -s KILL \(after) git mldata push", in: "repo")
        try box.run("git push -q -u origin main", in: "repo")
        try box.run("rm -rf .git/mldata data && git checkout -q -- data && git mldata fsck", in: "repo")
        for number in 0..<10 {
            #expect(try box.read("repo/data/f\(number)") == randomBytes(500_000, seed: UInt64(number)))
        }
        #expect(
            try box.run("ls ../storage/packs | grep -cv '[.]pack$\\|[.]idx$' || true", in: "repo").output.trimmed == "0"
        )
    }

    @Test(arguments: [0.01, 0.03, 0.06]) func `a checkout that is killed can be repeated`(after: Double) throws {
        let box = try Sandbox()
        try box.makeRepository()
        for number in 0..<8 { try box.write(randomBytes(1_500_000, seed: UInt64(number)), to: "repo/data/f\(number)") }
        try box.run("git add data && git commit -q -m f && git checkout -q HEAD~1", in: "repo")
        _ = try box.attempt("timeout -s KILL \(after) git checkout -q main", in: "repo")
        try box.run("sleep 0.3; rm -f .git/index.lock; git checkout -q -f main && git mldata sync", in: "repo")
        for number in 0..<8 {
            #expect(try box.read("repo/data/f\(number)") == randomBytes(1_500_000, seed: UInt64(number)))
        }
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
    }

    @Test func `a foreign filter setting stops install and force replaces it`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo && cd repo && git config filter.mldata.clean other-tool")
        let install = try box.attempt("git mldata install", in: "repo")
        #expect(install.status == 128)
        #expect(
            install.firstError
                == "fatal: configuration that is not ours is in the way: filter.mldata.clean = other-tool")
        #expect(!box.exists("repo/.git/hooks/pre-push"))
        try box.run("git mldata install --force", in: "repo")
        #expect(try box.run("git config filter.mldata.clean", in: "repo").output == "git-mldata-filter clean -- %f\n")
    }

    @Test func `a foreign hook is kept, runs first, can refuse, and comes back`() throws {
        let box = try Sandbox()
        try box.run("git init -q --bare repo.git && git init -q repo && cd repo && git remote add origin ../repo.git")
        let foreign = "#!/bin/sh\necho foreign \"$@\" >> ../log\ncat >> ../log\nexit ${REFUSE:-0}\n"
        try box.write(foreign, to: "repo/.git/hooks/pre-push")
        try box.run("chmod +x .git/hooks/pre-push", in: "repo")
        let said = try box.run("git mldata install", in: "repo").errors
        #expect(said.contains("Your pre-push hook is kept and runs before ours."))
        try box.run("git commit -q --allow-empty -m x", in: "repo")
        #expect(try box.attempt("REFUSE=3 git push -q origin main", in: "repo").status != 0)
        #expect(try box.run("git ls-remote origin", in: "repo").output == "")
        try box.run("git push -q origin main", in: "repo")
        #expect(try box.text("log").contains("foreign origin ../repo.git\nrefs/heads/main "))
        try box.run("git mldata uninstall", in: "repo")
        #expect(try box.text("repo/.git/hooks/pre-push") == foreign)
        #expect(!box.exists("repo/.git/hooks/post-commit"))
        #expect(try box.run("git config --local --list | grep -ci mldata || true", in: "repo").output == "0\n")
        #expect(try box.run("git config --local --list | grep -ci mlrun || true", in: "repo").output == "0\n")
    }
}
