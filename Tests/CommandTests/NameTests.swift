import Base
import TestSupport
import Testing

/// Names that trip scripts, and hooks of newer gits.
@Suite struct NameTests {
    @Test func `names with blanks, quotes, line feeds and wildcards go through every verb`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let names = [
            "a b", "tab\there", "line\nfeed", "quo\"te", "star*", "[x]", "-dash", "ünï", "💾", "back\\slash", "'single'",
            ":(top)x", String(repeating: "n", count: 250),
            "deep/" + (0..<40).map { "d\($0)" }.joined(separator: "/") + "/f",
        ]
        for (number, name) in names.enumerated() {
            try box.write(randomBytes(number == 0 ? 1_200_000 : 500, seed: UInt64(number)), to: "repo/data/" + name)
        }
        try box.run("git mldata add data && git commit -q -m names && git push -q origin HEAD:main", in: "repo")
        #expect(try box.run("git status --porcelain && git mldata status --porcelain", in: "repo").output == "")
        let listed = try box.run("git mldata ls --name-only -z", in: "repo").output.split(separator: "\0").map(
            String.init)
        #expect(Set(listed) == Set(names.map { "data/" + $0 }))
        try box.run("git mldata install --global -q && git mldata clone -q repo.git one && git clone -q repo.git two")
        #expect(try box.run("diff -r one/data repo/data && diff -r two/data repo/data").output == "")
        #expect(try box.run("git status --porcelain", in: "one").output == "")
        try box.run("git mldata add -- -dash ':(top)x' 'star*'", in: "repo/data")
        #expect(try box.run("git mldata du --porcelain -z", in: "repo").output.hasSuffix(" data\0"))
        #expect(try box.run("git mldata ls --porcelain | wc -l", in: "repo").output.contains("15"))
    }

    @Test func `patterns add what they match, and are tracked as they are`() throws {
        let box = try Sandbox()
        try box.run("git init -q repo")
        for name in ["a.bin", "sub/b.bin", "c.txt"] { try box.write("content of \(name)\n", to: "repo/" + name) }
        #expect(try box.run("git mldata add '*.bin'", in: "repo").output.hasPrefix("Added 2 files: "))
        #expect(try box.run("git diff --cached --name-only", in: "repo").output == ".gitattributes\na.bin\nsub/b.bin\n")
        #expect(try box.text("repo/.gitattributes").hasPrefix("*.bin filter=mldata"))
        let none = try box.attempt("git mldata add '*.nothing'", in: "repo")
        #expect(none.status == 128 && none.errors.contains("fatal: pathspec '*.nothing' did not match any files"))
    }

    @Test func `a mistyped name is said and changes nothing`() throws {
        let box = try Sandbox()
        try box.run(
            "git init -q repo && cd repo && git mldata install -q && echo '*.log' > .gitignore && echo x > a.log")
        for (command, words) in [
            ("add nothing", "fatal: pathspec 'nothing' did not match any files\n"),
            ("add 'no*'", "fatal: pathspec 'no*' did not match any files\n"),
            ("add a.log", "fatal: 'a.log' is ignored by one of your .gitignore files\n"),
            ("pull nothing", "fatal: pathspec 'nothing' did not match any file known to git\n"),
            ("checkout sub/no", "fatal: pathspec 'sub/no' did not match any file known to git\n"),
            ("fetch nowhere", "fatal: there is no Git remote 'nowhere'\n"),
            ("push nowhere main", "fatal: there is no Git remote 'nowhere'\n"),
        ] {
            let answer = try box.attempt("git mldata \(command)", in: "repo")
            #expect(answer.status == 128 && answer.errors.hasPrefix(words) && answer.output == "", "\(answer.errors)")
        }
        #expect(
            try box.run("git status --porcelain && ls -A", in: "repo").output
                == "?? .gitignore\n.git\n.gitignore\na.log\n")
    }

    @Test func `names that are no UTF-8 go through every verb`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.write(randomBytes(1_200_000, seed: 1), to: "large")
        try box.run(
            "mv ../large \"data/$(printf 'a\\377b')\" && mkdir \"data/$(printf 'd\\303')\" && echo y > \"data/$(printf 'd\\303/c\\200')\"",
            in: "repo")
        #expect(try box.run("git mldata add data", in: "repo").output.hasPrefix("Added 2 files: "))
        try box.run("git commit -q -m names && git push -q origin HEAD:main", in: "repo")
        #expect(try box.run("git status --porcelain && git mldata status --porcelain", in: "repo").output == "")
        try box.run(
            "git mldata ls -n > ../listed && git -c core.quotePath=off ls-files -z data | tr '\\0' '\\n' | cmp - ../listed",
            in: "repo")
        try box.run("git mldata install --global -q && git mldata clone -q repo.git one && git clone -q repo.git two")
        #expect(try box.run("diff -r one/data repo/data && diff -r two/data repo/data").output == "")
        #expect(try box.run("git status --porcelain && git diff-files --name-only", in: "one").output == "")
        try box.run(
            "rm -r data && git mldata pull -q \"data/$(printf 'a\\377b')\" && ls data | wc -l | grep -qx 1 && git mldata pull -q && diff -r data ../repo/data",
            in: "one")
        #expect(
            try box.run("git mldata ls --json", in: "one").output.contains("\"path\": \"data/a\\udbff\\udfffb\""))
        #expect(try box.run("git mldata cat \"HEAD:data/$(printf 'd\\303/c\\200')\"", in: "one").output == "y\n")
        let refused = try box.attempt("git mldata export HEAD -o ../x.tar", in: "one")
        #expect(refused.status == 128 && refused.errors.contains("Can't translate pathname"))
    }

    @Test func `names that differ in normalisation only are two files`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run(
            "printf 1 > \"data/$(printf 'e\\314\\201')\" && printf 22 > \"data/$(printf '\\303\\251')\"", in: "repo")
        #expect(try box.run("git mldata add data", in: "repo").output.hasPrefix("Added 2 files: 3 B"))
        try box.run("git commit -q -m names && git push -q origin HEAD:main", in: "repo")
        #expect(try box.run("git status --porcelain && git mldata status --porcelain", in: "repo").output == "")
        try box.run("git mldata clone -q repo.git one && diff -r one/data repo/data")
        #expect(try box.run("git status --porcelain && git mldata ls -n | wc -l", in: "one").output == "2\n")
    }

    @Test func `small files of a pattern with a minimum size stay in Git`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        try box.run("git mldata track 'data/**' --min-size 2k", in: "repo")
        try box.write(randomBytes(2047, seed: 1), to: "repo/data/small")
        try box.write(randomBytes(2048, seed: 2), to: "repo/data/x y/large")
        try box.run("git add . && git commit -q -m sizes", in: "repo")
        #expect(try box.run("git mldata ls --name-only", in: "repo").output == "data/x y/large\n")
        #expect(try box.run("git cat-file -s HEAD:data/small", in: "repo").output == "2047\n")
        #expect(
            try box.run("git mldata add data", in: "repo").output
                == "Added 0 files; 1 unchanged; 1 staged as plain Git files\n")
        #expect(
            try box.run("git mldata fsck && git mldata doctor >/dev/null && git mldata track", in: "repo").output
                == "No findings.\ndata/**  .gitattributes  (from 2k on)\n")
        try box.run("git clone -q . ../copy && cmp data/small ../copy/data/small", in: "repo")
        #expect(try box.attempt("git mldata track 'x/**' --min-size 65m", in: "repo").status == 129)
    }

    @Test func `from Git 2.54 on hooks stand in the configuration`() throws {
        let box = try Sandbox()
        try box.write(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo 'git version 2.54.0' && exit\nexec \(try box.run("command -v git").output.dropLast()) \"$@\"\n",
            to: "new/git")
        try box.run("chmod +x new/git && git init -q repo && printf '#!/bin/sh\\nexit 0\\n' > repo/.git/hooks/pre-push")
        try box.run("PATH=\"$PWD/../new:$PATH\" && git-mldata install -q && git-mldata doctor", in: "repo")
        #expect(
            try box.run(
                "git config hook.git-mldata-pre-push.command && git config hook.git-mldata-pre-push.event", in: "repo"
            ).output == "git-mldata hook pre-push -\npre-push\n")
        #expect(try box.text("repo/.git/hooks/pre-push") == "#!/bin/sh\nexit 0\n")
        #expect(!box.exists("repo/.git/hooks/post-checkout"))
        // What git would run works.
        #expect(
            try box.attempt(
                "git-mldata hook post-checkout - a b 1 && echo | git-mldata hook pre-push - origin url", in: "repo"
            ).status == 0)
        try box.run("PATH=\"$PWD/../new:$PATH\" && git-mldata uninstall -q", in: "repo")
        #expect(try box.attempt("git config --get-regexp '^hook'", in: "repo").output == "")
    }
}
