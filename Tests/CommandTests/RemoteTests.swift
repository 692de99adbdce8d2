import Base
import Glibc
import TestSupport
import Testing

/// `git mldata remote`, copies, and what push and fetch say.
@Suite struct RemoteCommandTests {
    /// A repository with two files committed, nothing pushed.
    private func makeData() throws -> Sandbox {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(900_000, seed: 1), to: "repo/data/big")
        try box.write("small\n", to: "repo/data/small")
        try box.run("git add data && git commit -q -m data", in: "repo")
        return box
    }

    private func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test func `copies get what is pushed and stand in for the store`() throws {
        let box = try makeData()
        try box.run(
            """
            git mldata remote add disk "$PWD/../disk" && git mldata remote add --mirror backup "$PWD/../backup" &&
            git push -q -u origin main
            """, in: "repo")
        #expect(try box.run("ls disk/packs").output == box.run("ls backup/packs").output)
        #expect(try box.run("git mldata remote list", in: "repo").output.contains("/../backup (copy)"))
        // The store is gone: what was pushed comes from the copy.
        try box.run("mv ../disk ../gone && rm -rf .git/mldata data", in: "repo")
        try box.run("mkdir ../disk && git checkout -q -- data && git mldata pull -q", in: "repo")
        #expect(try box.read("repo/data/big") == randomBytes(900_000, seed: 1))
    }

    @Test func `a copy out of reach warns in the hook and fails a push by hand`() throws {
        let box = try makeData()
        try box.run(
            """
            git mldata remote add disk "$PWD/../disk" && git mldata remote add --mirror backup /nowhere/at/all
            """, in: "repo")
        let push = try box.run("git push -u origin main", in: "repo")
        #expect(push.errors.contains("warning: the copy 'backup' is not up to date"))
        #expect(push.errors.contains("git mldata push --all --to backup"))
        let byHand = try box.attempt("git mldata push", in: "repo")
        #expect(byHand.status == 128 && byHand.firstError.hasPrefix("fatal: the copy 'backup' is not up to date"))
    }

    @Test func `a store is bound to a Git remote`() throws {
        let box = try makeData()
        try box.run(
            """
            git init -q --bare ../other.git && git remote add other ../other.git &&
            git mldata remote add main-store "$PWD/../one" && git mldata remote add --git-remote other side "$PWD/../two" &&
            git push -q other main && test ! -e ../one && test -d ../two/packs && git push -q -u origin main && test -d ../one/packs
            """, in: "repo")
        #expect(try box.run("git mldata remote list", in: "repo").output.contains("(for other)"))
    }

    @Test func `status says what is missing where`() throws {
        let box = try makeData()
        try box.run(
            "git mldata remote add disk \"$PWD/../disk\" && git mldata remote add --mirror gone /nowhere/at/all",
            in: "repo")
        let before = try box.attempt("git mldata remote status --json", in: "repo")
        #expect(before.status == 1)
        let stores = try #require(json(before.output)["stores"]?.arrayValue)
        #expect(stores.map { $0["name"]?.stringValue } == [nil, "disk", "gone"])
        #expect(stores[1]["missing"]?.arrayValue?.compactMap { $0["path"]?.stringValue } == ["data/big", "data/small"])
        let text = try box.attempt("git mldata remote status", in: "repo").output
        #expect(text.contains("2 files, 878.9 KiB") && text.contains("missing on disk:\n  data/big  878.9 KiB"))
        try box.run("git mldata remote remove gone && git mldata push -q", in: "repo")
        #expect(try box.run("git mldata remote status --json", in: "repo").output.contains("\"complete\": true"))
    }

    @Test func `test says what is missing`() throws {
        let box = try makeData()
        try box.run("git mldata remote add disk \"$PWD/../disk\"", in: "repo")
        let good = try json(box.run("git mldata remote test --json", in: "repo").output)
        #expect(good["ok"]?.boolValue == true && good["steps"]?.arrayValue?.count == 7)
        try box.run("git mldata remote set disk url /nowhere/at/all", in: "repo")
        let bad = try box.attempt("git mldata remote test disk --json", in: "repo")
        let step = try #require(json(bad.output)["steps"]?.arrayValue?.last)
        #expect(bad.status == 1 && step["missing"]?.stringValue == "place" && step["ok"]?.boolValue == false)
        let words = try box.attempt("git mldata remote test", in: "repo")
        #expect(
            words.output.contains("missing: the place") && words.errors.contains("hint: is the disk or share mounted?"))
    }

    @Test(arguments: [
        ("password", "x", "plain text"), ("secretAccessKey", "x", "plain text"),
        ("rgion", "eu", "did you mean 'region'?"),
        ("mirror", "perhaps", "true or false"), ("url", "https://me:pw@host/x", "plain text"),
        ("url", "nope://x", "no driver"),
    ])
    func `a setting is checked`(key: String, value: String, words: String) throws {
        let box = try makeData()
        try box.run("git mldata remote add disk \"$PWD/../disk\"", in: "repo")
        let answer = try box.attempt("git mldata remote set disk \(key) '\(value)'", in: "repo")
        #expect(answer.status >= 128 && answer.errors.contains(words), "\(answer.errors)")
    }

    @Test func `what a clone may not set is refused by name`() throws {
        let box = try makeData()
        try box.write(
            """
            [core]
                sshCommand = touch /tmp/owned
            [mldata]
                defaultRemote = disk
                store = /tmp/elsewhere
            [mldata "remote.disk"]
                url = \(box.root)/disk
                region = eu
                profile = admin
                password = x
            [mldata "remote.evil"]
                url = rclone::sftp,ssh=touch:x

            """, to: "repo/.mldata/config")
        let list = try box.run("git mldata remote list", in: "repo")
        #expect(list.output == "disk  \(box.root)/disk (default; shared)\n")
        for key in [
            "core.sshcommand", "mldata.store", "mldata.remote.disk.profile", "mldata.remote.disk.password",
            "mldata.remote.evil.url",
        ] {
            #expect(list.errors.contains("warning: '\(key)' in '.mldata/config' is not used"), "\(key): \(list.errors)")
        }
        #expect(!list.errors.contains("region"))
        // The user's own word counts more.
        try box.run("git mldata remote set disk url \"$PWD/../mine\" && git mldata push -q", in: "repo")
        #expect(box.exists("mine/packs") && !box.exists("disk"))
        let shared = try box.attempt("git mldata remote set --shared disk profile me", in: "repo")
        #expect(shared.status == 129 && shared.errors.contains("cannot be shared"))
    }

    @Test func `an address cannot smuggle an option in`() throws {
        let box = try makeData()
        for url in ["git::--upload-pack=touch owned", "ssh://-oProxyCommand=touch/x", "rclone:--x:y"] {
            let answer = try box.attempt("git mldata remote add x '\(url)'", in: "repo")
            #expect(answer.status >= 128, "\(url)")
        }
        #expect(!box.exists("repo/owned"))
    }

    @Test func `a dry run and JSON say the same as the push`() throws {
        let box = try makeData()
        try box.run("git mldata remote add disk \"$PWD/../disk\"", in: "repo")
        let plan = try json(box.run("git mldata push --dry-run --json", in: "repo").output)
        #expect(plan["stores"]?.arrayValue?.first?["files"]?.arrayValue?.count == 2 && !box.exists("disk"))
        let push = try box.run("git mldata push --json", in: "repo")
        let done = try #require(json(push.output)["stores"]?.arrayValue?.first)
        #expect(done["packs"]?.intValue == 1 && (done["bytes"]?.intValue ?? 0) > 900_000)
        let last = try json(String(#require(push.errors.split(separator: "\n").last)))
        #expect(last["event"]?.stringValue == "transfer" && last["objects"] == last["totalObjects"])
        #expect(last["bytes"]?.intValue ?? 0 > 900_000)
        #expect(try box.run("git mldata push --json --no-progress", in: "repo").errors == "")
        try box.run("rm -rf .git/mldata", in: "repo")
        let fetch = try box.run("git mldata fetch", in: "repo").output
        #expect(fetch.hasSuffix("from 1 pack\n"), "\(fetch)")
    }

    @Test func `fetch --recent brings the tips of young branches`() throws {
        let box = try makeData()
        let now = Timestamp.now().seconds
        try box.run(
            """
            git checkout -q -b young && echo young > data/small && GIT_COMMITTER_DATE='@\(now - 100_000) +0000' git commit -q -am y &&
            git checkout -q -b old main && echo old > data/small && GIT_COMMITTER_DATE='@\(now - 900_000) +0000' git commit -q -am o &&
            git checkout -q main && git push -q origin --all && rm -rf .git/mldata && git mldata fetch -q --recent
            """, in: "repo")
        #expect(try box.attempt("git mldata cat young:data/small", in: "repo").output == "young\n")
        try box.run("git remote remove origin", in: "repo")
        #expect(try box.attempt("git mldata cat old:data/small", in: "repo").status == 128)
        #expect(try box.attempt("git mldata cat young:data/small", in: "repo").output == "young\n")
    }

    @Test func `fifty lines of Python read a file back by the written format`() throws {
        let box = try makeData()
        try box.write(String(repeating: "a line that compresses well\n", count: 60_000), to: "repo/data/text")
        try box.run(
            "git mldata remote add disk \"$PWD/../disk\" && git add data && git commit -q -m t && git push -q -u origin main",
            in: "repo")
        for name in ["big", "small", "text"] {
            let content = try box.read("repo/data/" + name)
            let script = Sandbox.package + "/Tests/Servers/read_remote.py"
            let answer = try box.run("python3 '\(script)' disk \(ObjectID.of(content).hex)")
            #expect(answer.bytes == content, "\(name)")
        }
    }

    @Test func `what was pushed before there was a store is found on the Git remote`() throws {
        let box = try makeData()
        try box.run(
            """
            git push -q -u origin main && git mldata remote add --shared disk "$PWD/../disk" && git commit -q -m store &&
            git push -q && git mldata clone -q "$PWD/../repo.git" ../copy && cmp data/big ../copy/data/big
            """, in: "repo")
        #expect(try box.attempt("git mldata remote status", in: "copy").errors.contains("git mldata push --all"))
        try box.run("git mldata push -q --all && git mldata remote status", in: "copy")
    }

    @Test func `a large file is written while it comes in, whole or not at all`() throws {
        let box = try makeData()
        let content = randomBytes(70_000_000, seed: 11)
        try box.write(content, to: "repo/data/large")
        try box.run(
            """
            git mldata remote add disk "$PWD/../disk" && git add data && git commit -q -m l && git push -q -u origin main &&
            rm -rf data .git/mldata && GIT_MLDATA_SKIP_SMUDGE=1 git checkout -q -- . && git mldata pull
            """, in: "repo")
        #expect(try box.read("repo/data/large") == content)
        #expect(try box.run("git status --porcelain", in: "repo").output == "")
        // A pack is damaged: the file stays a pointer, and nothing else is left.
        try box.run(
            """
            rm -rf data .git/mldata && GIT_MLDATA_SKIP_SMUDGE=1 git checkout -q -- . && cd ../disk/packs &&
            pack=$(ls -S *.pack | head -n 1) && chmod u+w "$pack" && printf x | dd of="$pack" bs=1 seek=9000000 conv=notrunc 2>&1
            """, in: "repo")
        #expect(try box.attempt("git mldata pull", in: "repo").status == 128)
        #expect(try box.text("repo/data/large").hasPrefix("version https://git-lfs"))
        #expect(try box.run("ls -A .git/mldata-sync", in: "repo").output == "")
    }

    @Test func `a bandwidth limit holds and a killed download is gone on with`() throws {
        let box = try makeData()
        let content = randomBytes(24_000_000, seed: 9)
        try box.write(content, to: "repo/data/big")
        try box.run("git add data && git commit -q -m b && git push -q -u origin main", in: "repo")
        try box.run("git mldata remote add disk \"$PWD/../disk\" && git mldata push -q", in: "repo")
        guard SSHServer.isInstalled else { return }
        let server = try SSHServer(box)
        try box.run(
            "git config core.sshCommand '\(server.command)' && git mldata remote set disk url \(server.url(box.root + "/disk"))",
            in: "repo")
        let start = monotonicSeconds()
        try box.run("rm -rf .git/mldata && git -c mldata.bandwidth=12m mldata fetch -q", in: "repo")
        #expect(monotonicSeconds() - start > 1.5)
        // Killed in the middle: the next one need not begin at the beginning.
        try box.run(
            """
            rm -rf .git/mldata; git -c mldata.bandwidth=6m -c mldata.transfers=1 mldata fetch -q & fetch=$!
            for i in $(seq 1200); do
                size=$(cat .git/mldata/tmp/*.pack 2>/dev/null | wc -c)
                [ "$size" -lt 9000000 ] || break
                sleep 0.05
            done
            kill -INT $fetch; sleep 0.1; kill -9 $fetch 2>/dev/null; wait
            """, in: "repo")
        let rest = try json(box.run("git mldata fetch --json", in: "repo").output)
        #expect((rest["bytes"]?.intValue ?? .max) < 18_000_000, "\(rest)")
        try box.run("rm -rf data && git checkout -q -- data", in: "repo")
        #expect(try box.read("repo/data/big") == content)
    }
}

/// The Git remote itself as storage, over each transport.
@Suite struct GitRemoteTests {
    @Test(arguments: ["file", "ssh", "http"])
    func `data travels with the repository`(transport: String) throws {
        let box = try Sandbox()
        try box.makeRepository()
        var server: AnyObject?
        switch transport {
        case "ssh":
            guard SSHServer.isInstalled else { return print("skipped: sshd is not installed") }
            let ssh = try SSHServer(box)
            server = ssh
            try box.run("git config --global core.sshCommand '\(ssh.command)'")
            try box.run("git remote set-url origin \(ssh.url(box.root + "/repo.git"))", in: "repo")
        case "http":
            guard GitServer.isInstalled else { return print("skipped: lighttpd is not installed") }
            let http = try GitServer(box)
            server = http
            try box.run("git remote set-url origin \(http.url)/repo.git", in: "repo")
        default: break
        }
        let content = randomBytes(3_000_000, seed: 4)
        try box.write(content, to: "repo/data/big")
        try box.run("git add data && git commit -q -m data && git push -q -u origin main", in: "repo")
        #expect(try box.run("git for-each-ref 'refs/mldata/**' | wc -l", in: "repo.git").output.trimmed == "2")
        // A clone by plain git takes no pack along.
        try box.run("git clone -q \"$(git -C repo remote get-url origin)\" plain")
        #expect(try box.run("git count-objects -v | sed -n 's/size-pack: //p'", in: "plain").output.trimmed.count < 4)
        #expect(try box.text("plain/data/big").hasPrefix("version https://git-lfs"))
        try box.run("git mldata install -q && git mldata pull -q", in: "plain")
        #expect(try box.read("plain/data/big") == content)
        #expect(try box.run("git for-each-ref refs/mldata", in: "plain").output == "")
        // Two push at the same time, each something of its own.
        try box.run(
            """
            for n in 1 2 3; do git clone -q . ../w$n 2>/dev/null; git -C ../w$n remote set-url origin "$(git remote get-url origin)"
              (cd ../w$n && git mldata install -q && git checkout -q -b b$n && head -c 200000 /dev/urandom > data/f$n &&
               git add data && git commit -q -m $n) || exit 1; done
            for n in 1 2 3; do (cd ../w$n && git push -q origin b$n) & done; wait
            """, in: "plain")
        try box.run(
            "git fetch -q && git mldata fetch -q --all && git mldata fsck origin/b1 origin/b2 origin/b3", in: "repo")
        for n in 1...3 {
            #expect(
                try box.run("git mldata cat origin/b\(n):data/f\(n)", in: "repo").bytes == box.read("w\(n)/data/f\(n)"))
        }
        withExtendedLifetime(server) {}
    }

    @Test func `beyond the limit nothing moves and the way out is named`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(2_000_000, seed: 5), to: "repo/data/big")
        try box.run("git add data && git commit -q -m data && git config mldata.gitRemoteLimit 1m", in: "repo")
        let push = try box.attempt("git push -q -u origin main", in: "repo")
        #expect(push.status != 0 && push.errors.contains("over the limit of 1 MiB"))
        #expect(
            push.errors.contains("git mldata remote add --default NAME URL")
                && push.errors.contains("mldata.gitRemoteLimit"))
        #expect(try box.run("git for-each-ref", in: "repo.git").output == "")
    }
}
