import Base
import GitKit
import ObjectStore
import Remotes
import TestSupport
import Testing

@Suite struct LFSTests {
    /// A store with some files, and a server.
    private struct Place {
        let box: Sandbox
        let server: LFSServer
        let store: ObjectStore
        var files: [Pointer] = []

        init(_ options: String = "", sizes: [Int] = [1, 300_000, 2_000_000]) throws {
            box = try Sandbox()
            server = try LFSServer(box, options)
            store = try ObjectStore(root: box.root + "/one")
            let writer = try store.makeWriter()
            for (index, size) in sizes.enumerated() {
                files.append(try writer.add(randomBytes(size, seed: UInt64(100 + index))).pointer)
            }
            try writer.finish()
        }

        func remote(_ folder: String = "one", tries: Int = 4) throws -> LFSRemote {
            LFSRemote(
                try LFSEndpoint("lfs::" + server.url, relativeTo: "/"), git: GitCommand(directory: box.root),
                folder: box.root + "/" + folder, asks: false, patience: LFSPatience(tries: tries, first: 0.001))
        }

        func push(tries: Int = 4) throws -> ContentTransfer {
            try remote(tries: tries).push(files, from: store, temporary: box.root + "/t", progress: SilentProgress())
        }

        /// Puts the files where the server keeps them, past its faults.
        func serve() throws {
            for file in files { try box.write(store.read(file.oid), to: "server/" + file.oid.hex) }
        }

        /// Fetches into an empty store and gives back what is missing; everything else is compared.
        func fetch(_ store: String = "two", tries: Int = 4) throws -> [ObjectID] {
            let other = try ObjectStore(root: box.root + "/" + store)
            let missing = try remote(store, tries: tries).fetch(files, into: other, progress: SilentProgress()).missing
            for file in files where !missing.contains(file.oid) {
                #expect(try other.read(file.oid) == self.store.read(file.oid))
            }
            return missing
        }

        /// The error of a body, for its words.
        func failure(_ body: () throws -> Void) -> MLError? {
            do { try body() } catch { return error as? MLError }
            return nil
        }

        func count(_ request: String) throws -> Int { try server.requests().filter { $0.hasPrefix(request) }.count }
    }

    @Test func `content goes up once, is verified, and comes back`() throws {
        let place = try Place()
        let remote = try place.remote()
        #expect(try remote.lackingWhenLastSeen(place.files).count == 3)
        #expect(try remote.lacking(place.files) == place.files.map(\.oid))
        let moved = try place.push()
        #expect(moved.objects == 3 && moved.packs == 0 && moved.bytes == 2_300_001)
        #expect(try place.count("PUT /content/") == 3 && place.count("POST /verify") == 3)
        #expect(try place.push().objects == 0)
        #expect(try place.count("PUT /content/") == 3)
        #expect(try remote.lacking(place.files) == [])
        #expect(try place.remote().lackingWhenLastSeen(place.files) == [])
        #expect(try place.fetch() == [])
        #expect(try Files.list(place.box.root + "/two/incomplete") == [])
    }

    @Test func `many objects are asked about a hundred at a time`() throws {
        var place = try Place(sizes: [])
        let writer = try place.store.makeWriter()
        for number in 0..<230 { place.files.append(try writer.add(Array("object \(number)".utf8)).pointer) }
        try writer.finish()
        #expect(try place.push().objects == 230)
        #expect(try place.count("POST /objects/batch") == 3)
        #expect(try place.fetch() == [])
        #expect(try place.count("POST /objects/batch") == 6)
    }

    @Test(arguments: ["", "--fault whole"])
    func `what the server does not have is missing and no error`(_ options: String) throws {
        let place = try Place(options)
        #expect(try place.fetch() == place.files.map(\.oid))
        try place.serve()
        try Files.remove(place.box.root + "/server/" + place.files[1].oid.hex)
        #expect(try place.fetch() == [place.files[1].oid])
    }

    @Test(arguments: ["wrong", "short"]) func `wrong bytes never reach the store`(_ fault: String) throws {
        let place = try Place("--fault \(fault)=1", sizes: [2_000_000])
        try place.serve()
        let error = try #require(place.failure { _ = try place.fetch(tries: 1) })
        #expect(error.code == .corrupt, "\(error)")
        #expect(try !ObjectStore(root: place.box.root + "/two").contains(place.files[0].oid))
        // The next try is not led astray by what came before.
        #expect(try place.fetch() == [])
    }

    @Test func `a cut download goes on where it was cut`() throws {
        let place = try Place("--fault cut=3", sizes: [2_000_000])
        try place.serve()
        #expect(try place.fetch() == [])
        let ranges = try place.server.requests().filter { $0.hasPrefix("GET") }.map { $0.split(separator: " ").last }
        #expect(ranges == ["200", "bytes=1000000-", "bytes=1500000-", "bytes=1750000-"])
    }

    @Test func `another process goes on with what a killed one left`() throws {
        let place = try Place("--fault cut", sizes: [2_000_000])
        try place.serve()
        #expect(throws: MLError.self) { try place.fetch(tries: 1) }
        let half = place.box.root + "/two/incomplete/" + place.files[0].oid.hex
        #expect(try #require(Files.status(half)).size >= 1_000_000)
        let size = try #require(Files.status(half)).size
        let healthy = try LFSServer(place.box)
        let remote = LFSRemote(
            try LFSEndpoint(healthy.url, relativeTo: "/"), git: GitCommand(), folder: place.box.root + "/two",
            asks: false)
        let two = try ObjectStore(root: place.box.root + "/two")
        #expect(try remote.fetch(place.files, into: two, progress: SilentProgress()).missing == [])
        #expect(try two.read(place.files[0].oid) == place.store.read(place.files[0].oid))
        #expect(try healthy.requests().last?.hasSuffix("206 bytes=\(size)-") == true)
    }

    @Test func `a server that ignores ranges sends everything again`() throws {
        let place = try Place("--fault cut=1 --fault noranges", sizes: [2_000_000])
        try place.serve()
        #expect(try place.fetch() == [])
        #expect(try place.count("GET") == 2)
    }

    @Test func `half a file of wrong bytes is thrown away`() throws {
        let place = try Place(sizes: [2_000_000])
        try place.serve()
        try place.box.write(randomBytes(900_000, seed: 9), to: "two/incomplete/" + place.files[0].oid.hex)
        let error = try #require(place.failure { _ = try place.fetch() })
        #expect(error.code == .corrupt)
        #expect(try place.fetch() == [])
    }

    @Test(arguments: ["expired=1", "busy=2", "broken=2"])
    func `what passes by itself is tried again`(_ fault: String) throws {
        let place = try Place("--fault \(fault)", sizes: [300_000])
        #expect(try place.push().objects == 1)
        let other = try Place("--fault \(fault)", sizes: [300_000])
        try other.serve()
        #expect(try other.fetch() == [])
    }

    @Test(arguments: [
        ("full", "has no space left", MLError.Code.io), ("unverified", "after its upload", .notFound),
        ("deny", "does not allow", .failed), ("broken", "answered to", .io), ("busy", "is asked too often", .failed),
    ])
    func `what does not pass is said in words, with a hint`(_ fault: String, _ words: String, _ code: MLError.Code)
        throws
    {
        let place = try Place("--fault \(fault)", sizes: [1000])
        let error = try #require(place.failure { _ = try place.push() })
        #expect(error.code == code && error.message.contains(words), "\(error)")
        if fault != "broken" { #expect(!error.hints.isEmpty, "\(error)") }
    }

    @Test func `an object that is gone in the middle is missing`() throws {
        let place = try Place("--fault gone", sizes: [1000])
        try place.serve()
        #expect(try place.fetch() == place.files.map(\.oid))
    }

    @Test func `what is no LFS server is said to be none`() throws {
        let place = try Place(sizes: [10])
        let remote = LFSRemote(
            try LFSEndpoint(place.server.url + "/elsewhere", relativeTo: "/"), git: GitCommand(),
            folder: place.box.root,
            asks: false)
        let error = try #require(place.failure { _ = try remote.lacking(place.files) })
        #expect(error.code == .notFound && error.hints.first?.contains("/info/lfs") == true)
        let nobody = LFSRemote(
            try LFSEndpoint("http://127.0.0.1:1", relativeTo: "/"), git: GitCommand(), folder: place.box.root,
            asks: false, patience: LFSPatience(tries: 2, first: 0.001))
        #expect(place.failure { _ = try nobody.lacking(place.files) }?.hints.isEmpty == false)
    }

    @Test func `an LFS folder is read and written, and a wrong file in it counts as missing`() throws {
        let place = try Place()
        let folder = LFSFolder(root: place.box.root + "/lfs")
        let moved = try folder.push(
            place.files, from: place.store, temporary: place.box.root + "/t", progress: SilentProgress())
        #expect(moved.objects == 3)
        #expect(try folder.lacking(place.files) == [])
        let hex = place.files[1].oid.hex
        let path = "lfs/objects/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"
        var bytes = try place.box.read(path)
        bytes[7] ^= 1
        try place.box.write(bytes, to: path)
        let two = try ObjectStore(root: place.box.root + "/two")
        #expect(try folder.fetch(place.files, into: two, progress: SilentProgress()).missing == [place.files[1].oid])
        #expect(try two.read(place.files[2].oid) == place.store.read(place.files[2].oid))
    }

    @Test func `addresses mean what they mean to git-lfs`() throws {
        func name(_ text: String) throws -> String { try LFSEndpoint(text, relativeTo: "/base").name }
        func guess(_ text: String) throws -> String { try LFSEndpoint(gitRemote: text, relativeTo: "/base").name }
        #expect(try guess("https://host/team/repo") == "https://host/team/repo.git/info/lfs")
        #expect(try guess("https://me@host/team/repo.git/") == "https://host/team/repo.git/info/lfs")
        #expect(try guess("git://host/repo") == "https://host/repo.git/info/lfs")
        #expect(try guess("git@host:team/repo.git") == "ssh://git@host/team/repo.git")
        #expect(try guess("ssh://git@host:22/team/repo") == "ssh://git@host:22/team/repo")
        #expect(try guess("ssh://host//srv/repo") == "ssh://host//srv/repo")
        #expect(try guess("../other") == "/base/../other")
        #expect(try name("lfs::https://host/x/") == "https://host/x")
        #expect(try name("lfs::file:///srv/lfs") == "/srv/lfs")
        #expect(try name("lfs::data/lfs") == "/base/data/lfs")
        for bad in [
            "lfs::https://me:secret@host/x", "lfs::ftp://host/x", "lfs::", "https://evil\nhost=host/x",
            "ssh://-oProxyCommand=x/y", "-o:x",
        ] {
            #expect(throws: MLError.self, "\(bad)") { try LFSEndpoint(bad, relativeTo: "/") }
            #expect(throws: MLError.self, "\(bad)") { try LFSEndpoint(gitRemote: bad, relativeTo: "/") }
        }
    }

    @Test func `a path becomes part of a query without loss`() throws {
        let place = try Place(sizes: [])
        let locks = LFSLocks(
            try LFSEndpoint(place.server.url, relativeTo: "/"), git: GitCommand(), ref: "refs/heads/main", asks: false)
        let names = ["a b.bin", "ä/ö?&=#.bin", "100%.bin", "plain", "x+y"]
        for name in names { #expect(try locks.lock(name).path == name) }
        for name in names { #expect(try locks.list(path: name).map(\.path) == [name]) }
        // The server gives two a page.
        #expect(try Set(locks.list().map(\.path)) == Set(names))
        #expect(try locks.verify()?.ours.count == 5)
    }
}
