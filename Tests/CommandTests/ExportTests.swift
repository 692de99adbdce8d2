import Base
import TestSupport
import Testing

@Suite struct ExportTests {
    /// A repository with real content, odd names, a link, a program, an empty file and a submodule's place.
    private func makeSource(_ box: Sandbox) throws {
        try box.makeRepository()
        try box.write(randomBytes(2_500_000, seed: 1), to: "repo/data/big.bin")
        try box.write("", to: "repo/data/empty")
        try box.write("grün\n", to: "repo/data/ünï cödé/日本.txt")
        try box.write("#!/bin/sh\n", to: "repo/run.sh")
        try box.write("x\n", to: "repo/" + String(repeating: "long/", count: 50) + "name")
        try box.run(
            """
            chmod +x run.sh && ln -s data/big.bin link &&
            git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),module && mkdir module &&
            git add -A && git commit -q -m data && git push -q -u origin main
            """, in: "repo")
    }

    @Test(arguments: ["tar", "tar.gz", "tar.zst", "tar.xz", "tar.bz2", "zip"])
    func `an archive has the real content and unpacks to the same files`(format: String) throws {
        let box = try Sandbox()
        try makeSource(box)
        let said = try box.run("git mldata export HEAD -o ../x.\(format)", in: "repo").output
        #expect(said.hasPrefix("Exported 8 files, 2.4 MiB, as "))
        try box.run("git mldata unpack x.\(format) out")
        #expect(try box.run("diff -r --no-dereference -x .git repo out").output == "")
        #expect(try box.read("out/data/big.bin") == randomBytes(2_500_000, seed: 1))
        #expect(
            try box.run("test -x out/run.sh && test ! -x out/data/big.bin && readlink out/link").output
                == "data/big.bin\n")
        #expect(try box.run("stat -c %Y out/data/big.bin").output == "1767323045\n")
        #expect(try box.run("ls -A | grep -c '^.tmp' || true", in: "repo").output == "0\n")
    }

    @Test(arguments: ["tar", "tar.gz", "tar.zst", "zip"])
    func `the same commit gives the same bytes, on two clones, later, elsewhere, through a pipe`(format: String) throws
    {
        let box = try Sandbox()
        try makeSource(box)
        try box.run("git mldata export HEAD -q -o ../a.\(format)", in: "repo")
        // The clone has no content yet: it is fetched.
        try box.run("GIT_MLDATA_SKIP_SMUDGE=1 git mldata clone -q repo.git clone && rm -rf clone/.git/mldata/packs")
        let other = try box.attempt(
            "sleep 1.1; umask 077; git mldata export main -q -o ../b.\(format)", in: "clone",
            environment: ["TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": nil])
        #expect(other.status == 0, "\(other.errors)")
        #expect(try box.read("a.\(format)") == box.read("b.\(format)"))
        #expect(
            try box.run("git mldata export HEAD -o - --format \(format) | cat", in: "clone").bytes
                == box.read("a.\(format)"))
    }

    @Test func `entries are sorted, owned by nobody, and plain tools read them`() throws {
        let box = try Sandbox()
        try makeSource(box)
        try box.run(
            "git mldata export HEAD data run.sh -o ../x.tar --prefix p && git mldata export HEAD -o ../x.zip",
            in: "repo")
        #expect(
            try box.run("tar tf x.tar --quoting-style=literal").output
                == "p/data/big.bin\np/data/empty\np/data/ünï cödé/日本.txt\np/run.sh\n")
        let listing = try box.run("tar tvf x.tar --numeric-owner --utc").output.split(separator: "\n")
        #expect(listing.allSatisfy { $0.contains(" 0/0 ") && $0.contains("2026-01-02 03:04") })
        let names = try box.run(
            "python3 -c \"import zipfile; [print(n) for n in zipfile.ZipFile('x.zip').namelist()]\""
        )
        .output.split(separator: "\n").map(String.init)
        #expect(names == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(names.contains("data/ünï cödé/日本.txt"))
    }

    @Test func `mistakes and missing content leave no file behind`() throws {
        let box = try Sandbox()
        try makeSource(box)
        for (arguments, status) in [
            ("HEAD -o x.foo", 129), ("HEAD -o -", 129), ("nope -o x.tar", 128), ("HEAD nope -o x.tar", 128),
            ("HEAD -o nowhere/x.tar", 128),
        ] {
            let outcome = try box.attempt("git mldata export \(arguments)", in: "repo")
            #expect(outcome.status == Int32(status), "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.hasPrefix("fatal: "))
        }
        try box.run("git remote remove origin && rm -rf .git/mldata/packs", in: "repo")
        let outcome = try box.attempt("git mldata export HEAD -o x.tar", in: "repo")
        #expect(outcome.status == 128)
        #expect(outcome.errors.contains("is not in the local store") && outcome.errors.contains("hint: "))
        #expect(try box.run("ls -A | grep -E 'tar|tmp' || true", in: "repo").output == "")
    }

    @Test func `a damaged store never becomes an archive`() throws {
        let box = try Sandbox()
        try makeSource(box)
        try box.run(
            """
            for pack in .git/mldata/packs/*.pack; do
                chmod u+w $pack && printf 'damage' | dd of=$pack bs=1 seek=1000 conv=notrunc status=none
            done
            """, in: "repo")
        let outcome = try box.attempt("git mldata export HEAD -o x.tar", in: "repo")
        #expect(outcome.status == 128)
        #expect(try box.run("ls -A | grep -E 'tar|tmp' || true", in: "repo").output == "")
    }

    @Test func `unpack writes nothing outside of its folder`() throws {
        let box = try Sandbox()
        try box.write("precious\n", to: "victim")
        try box.write(
            """
            import io, sys, tarfile
            top = sys.argv[1]
            R, S, L, F, C = b'0', b'2', b'1', b'6', b'3'
            cases = {
                'up': [('../evil', R, '')], 'deep': [('d/../../evil', R, '')], 'absolute': [(top + '/evil', R, '')],
                'parent': [('a', S, top), ('a/evil', R, '')], 'relative': [('d', S, '..'), ('d/evil', R, '')],
                'hard': [('h', L, '../victim'), ('h', R, '')], 'hardabs': [('h', L, top + '/victim'), ('h', R, '')],
                'hardlink': [('s', S, top), ('h', L, 's/victim'), ('h', R, '')],
                'fifo': [('pipe', F, '')], 'device': [('null', C, '')], 'safe': [('s', S, top + '/victim'), ('s', R, '')],
            }
            for name, entries in cases.items():
                with tarfile.open(name + '.tar', 'w') as archive:
                    for path, kind, link in entries:
                        info = tarfile.TarInfo(path)
                        info.type, info.linkname, info.size = kind, link, 1 if kind == R else 0
                        info.mode = 0o6755
                        archive.addfile(info, io.BytesIO(b'x'))
            """, to: "make.py")
        try box.run("python3 make.py \"$PWD\"")
        for name in [
            "up", "deep", "absolute", "parent", "relative", "hard", "hardabs", "hardlink", "fifo", "device", "safe",
        ] {
            let outcome = try box.attempt("git mldata unpack \(name).tar out-\(name)")
            #expect(outcome.status == (name == "safe" ? 0 : 128), "\(name): \(outcome.errors)")
            #expect(!box.exists("evil"), "\(name)")
            #expect(try box.text("victim") == "precious\n", "\(name)")
        }
        // The file took the place of the link, and has no special bits.
        #expect(try box.run("test ! -L out-safe/s && stat -c %a out-safe/s").output.hasPrefix("7"))
        // A link that the user has there is not followed either.
        try box.run("mkdir target mine && ln -s ../target mine/d && tar cf d.tar make.py --transform 's,^,d/,'")
        #expect(try box.attempt("git mldata unpack d.tar mine").status == 128)
        #expect(try box.run("ls target; readlink mine/d").output == "../target\n")
        #expect(try box.attempt("git mldata unpack victim out").status == 128)
    }
}
