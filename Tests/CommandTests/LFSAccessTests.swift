import Base
import TestSupport
import Testing

/// Credentials for Git LFS servers: helpers, netrc, headers of Git's configuration, SSH.
@Suite struct LFSAccessTests {
    /// A repository with one committed file and a server that knows ann and bob.
    private func make(_ box: Sandbox) throws -> LFSServer {
        let server = try LFSServer(box, "--users ann:right,bob:also")
        try box.makeRepository()
        try box.write("content\n", to: "repo/data/f")
        try box.run("git mldata remote add --default server lfs::\(server.url)", in: "repo")
        try box.run("git add data && git commit -q -m f", in: "repo")
        return server
    }

    /// A credential helper that notes what it is asked for.
    private func helper(_ box: Sandbox, password: String) throws {
        try box.write(
            """
            #!/bin/sh
            echo "$1" >>\(box.root)/asked
            if [ "$1" = get ]; then printf 'username=ann\\npassword=\(password)\\n'; fi
            """, to: "helper")
        try box.run("chmod +x helper && git config --global credential.helper '\(box.root)/helper' && rm -f asked")
    }

    @Test func `a credential helper is asked once and told what worked`() throws {
        let box = try Sandbox()
        let server = try make(box)
        try helper(box, password: "right")
        try box.run("git push -q origin main", in: "repo")
        #expect(try box.text("asked").split(separator: "\n").filter { $0 == "get" }.count <= 2)
        #expect(try box.text("asked").contains("store") && !box.text("asked").contains("erase"))
        #expect(try box.run("ls server").output.trimmed == ObjectID.of("content\n").hex)
        #expect(try server.requests().contains { $0.hasPrefix("POST /verify 200") })
    }

    @Test func `a wrong password is taken back and said`() throws {
        let box = try Sandbox()
        _ = try make(box)
        try helper(box, password: "wrong")
        let push = try box.attempt("git mldata push", in: "repo")
        #expect(push.status == 128)
        #expect(push.firstError.contains("wants other credentials"), "\(push.errors)")
        #expect(push.errors.contains("\nhint: "))
        #expect(try box.text("asked").contains("erase") && !box.text("asked").contains("store"))
    }

    @Test func `nobody to ask is an error with advice, and no password is stored in plain text`() throws {
        let box = try Sandbox()
        let server = try make(box)
        let push = try box.attempt("git mldata push", in: "repo")
        #expect(push.status == 128)
        #expect(push.errors.contains("wants a user name and a password") && push.errors.contains("\nhint: "))
        let url = server.url.replacing("http://", with: "http://ann:right@")
        #expect(try box.attempt("git mldata remote add two lfs::\(url)", in: "repo").status == 128)
        #expect(try !box.text("repo/.git/config").contains("right"))
    }

    @Test func `netrc and a header of the configuration are enough`() throws {
        let box = try Sandbox()
        let server = try make(box)
        try box.write("machine 127.0.0.1 login ann password right\n", to: "home/.netrc")
        #expect(try box.run("git mldata push", in: "repo").output.hasPrefix("Uploaded 1 file"))
        try box.run("rm -rf .git/mldata data; mv ../home/.netrc ../home/away", in: "repo")
        #expect(try box.attempt("git checkout -q -- data", in: "repo").status != 0)
        try box.run(
            "git config 'http.\(server.url)/.extraHeader' 'Authorization: Basic \(Base64.encode(Array("bob:also".utf8)))'",
            in: "repo")
        try box.run("git checkout -q -- data", in: "repo")
        #expect(try box.text("repo/data/f") == "content\n")
    }

    @Test func `over SSH the server says where it is`() throws {
        let box = try Sandbox()
        let server = try make(box)
        let token = Base64.encode(Array("ann:right".utf8))
        try box.write(
            """
            #!/bin/sh
            echo "$@" >>\(box.root)/ssh.log
            case "$*" in *refused*) echo "no such user" >&2; exit 5;; esac
            echo '{"href": "\(server.url)/", "header": {"Authorization": "Basic \(token)"}, "expires_in": 600}'
            """, to: "ssh")
        try box.run("chmod +x ../ssh && git config core.sshCommand '\(box.root)/ssh -4'", in: "repo")
        try box.run("git mldata remote set server url \"lfs::ssh://git@host:2222/team/it's.git\"", in: "repo")
        try box.run("git push -q origin main && rm -rf .git/mldata data && git checkout -q -- data", in: "repo")
        #expect(try box.text("repo/data/f") == "content\n")
        let lines = try box.text("ssh.log").split(separator: "\n")
        #expect(lines.first == "-4 -p 2222 git@host git-lfs-authenticate 'team/it'\\''s.git' upload")
        #expect(lines.last == "-4 -p 2222 git@host git-lfs-authenticate 'team/it'\\''s.git' download")
        try box.run("git mldata remote set server url lfs::git@refused:x", in: "repo")
        let push = try box.attempt("git mldata push", in: "repo")
        #expect(push.status == 128 && push.firstError.contains("failed (exit 5): no such user"), "\(push.errors)")
    }
}
