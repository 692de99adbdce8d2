import Base
import Glibc
import ObjectStore
import Testing

@Suite struct `Faults` {
    /// A store with a few files in one pack.
    func filled(_ scratch: Scratch) throws -> [[UInt8]] {
        let files = [randomBytes(400_000, seed: 20), tableText(rows: 20_000, seed: 20), randomBytes(50, seed: 21)]
        try scratch.store().addAll(files)
        return files
    }

    func damage(_ path: String, at offset: Int, _ change: UInt8) throws {
        chmod(path, 0o644)
        var bytes = try Files.read(path)
        bytes[offset] ^= change
        try Files.writeAtomically(bytes, to: path)
    }

    @Test(arguments: 0..<40) func `a damaged byte in a pack never yields wrong content`(_ seed: Int) throws {
        let scratch = try Scratch()
        let files = try filled(scratch)
        let path = try scratch.packFiles()[0]
        let size = Int(try #require(Files.status(path)).size)
        var random = SeededRandom(seed: UInt64(seed), purpose: "damage")
        try damage(path, at: 8 + random.below(size - 8), UInt8(1 + random.below(255)))
        let store = try scratch.store()
        var broken = 0
        for file in files {
            do {
                #expect(try store.read(ObjectID.of(file)) == file)
            } catch let error as MLError {
                broken += 1
                #expect(error.code == .corrupt)
                #expect(error.hints == ["run 'git mldata fsck'"])
            }
        }
        #expect(broken == 1)
        let findings = try store.verify()
        #expect(findings.count == 1 && findings[0].kind == .damagedObject)
    }

    @Test(arguments: 0..<40) func `a damaged byte in an index never yields wrong content`(_ seed: Int) throws {
        let scratch = try Scratch()
        let files = try filled(scratch)
        let path = try scratch.packFiles(".idx")[0]
        let size = Int(try #require(Files.status(path)).size)
        var random = SeededRandom(seed: UInt64(seed), purpose: "damage")
        try damage(path, at: random.below(size), UInt8(1 + random.below(255)))
        let store = try scratch.store()
        for file in files {
            do {
                #expect(try store.read(ObjectID.of(file)) == file)
            } catch let error as MLError {
                #expect([.corrupt, .missingObject, .invalidInput].contains(error.code))
            }
        }
        let code = (try? store.verify())?.map(\.kind) ?? [.damagedIndex]
        #expect(code.contains(.damagedIndex))
    }

    @Test func `a truncated pack is reported and the rest can be read`() throws {
        let scratch = try Scratch()
        let files = try filled(scratch)
        let path = try scratch.packFiles()[0]
        let size = Int(try #require(Files.status(path)).size)
        try FileHandle(updating: path).truncate(to: Int64(size - 20))
        let store = try scratch.store()
        #expect(try store.read(ObjectID.of(files[0])) == files[0])
        let error = #expect(throws: MLError.self) { try store.read(ObjectID.of(files[2])) }
        #expect(error?.code == .corrupt)
        let kinds = try store.verify().map(\.kind)
        #expect(kinds == [.damagedPack, .damagedObject])
    }

    @Test func `repair drops what is damaged, so that it can be fetched again`() throws {
        let scratch = try Scratch()
        let files = try filled(scratch)
        let path = try scratch.packFiles()[0]
        let size = Int(try #require(Files.status(path)).size)
        try damage(path, at: size - 10, 1)
        let store = try scratch.store()
        let result = try store.compact(repair: true) { _ in true }
        #expect(result.damaged == [ObjectID.of(files[2])])
        #expect(try store.verify() == [])
        #expect(try store.read(ObjectID.of(files[1])) == files[1])
        #expect(try !store.contains(ObjectID.of(files[2])))
        try store.addAll([files[2]])
        #expect(try store.read(ObjectID.of(files[2])) == files[2])
    }

    @Test func `repair makes a damaged or lost index anew`() throws {
        let scratch = try Scratch()
        let files = try filled(scratch)
        let path = try scratch.packFiles(".idx")[0]
        let before = try Files.read(path)
        try damage(path, at: 1100, 1)
        _ = try scratch.store().compact(repair: true) { _ in true }
        #expect(try Files.read(path) == before)
        try Files.remove(path)
        #expect(try scratch.store().read(ObjectID.of(files[0])) == files[0])
        #expect(try Files.read(path) == before)
    }

    @Test(arguments: [0, 1, 7, 8, 30, 56, 60_000, 200_000, 400_500]) func `a pack cut anywhere keeps its whole records`(
        _ cut: Int
    ) throws {
        let scratch = try Scratch()
        let files = try filled(scratch)
        let path = try scratch.packFiles()[0]
        let bytes = try Files.read(path)
        let name = try #require(try scratch.packFiles(".idx").first)
        let entries = try PackIndex(parsing: Files.read(name), name: name).entries
        try Files.remove(path)
        try Files.remove(name)
        // As a killed writer leaves it: no index, no lock.
        try Files.writeAtomically(Array(bytes[..<cut]), to: scratch.path + "/mldata/tmp/1-dead.pack")
        let store = try scratch.store()
        let whole = entries.filter { $0.range.upperBound <= UInt64(cut) }
        for entry in entries { #expect(try store.containsObject(entry.id) == whole.contains(entry)) }
        #expect(try Files.list(scratch.path + "/mldata/tmp") == [])
        #expect(try store.verify().allSatisfy { $0.kind == .missingChunk })
        try store.addAll(files)
        for file in files { #expect(try store.read(ObjectID.of(file)) == file) }
    }

    @Test func `a writer that vanished loses nothing`() throws {
        let scratch = try Scratch()
        let bytes = randomBytes(700_000, seed: 22)
        do {
            let writer = try scratch.store().makeWriter()
            _ = try writer.add(bytes)
        }
        #expect(try scratch.packFiles() == [])
        #expect(try scratch.store().read(ObjectID.of(bytes)) == bytes)
        #expect(try scratch.packFiles().count == 1)
    }

    @Test func `a living writer is not disturbed`() throws {
        let scratch = try Scratch()
        let writer = try scratch.store().makeWriter()
        let first = randomBytes(1000, seed: 23)
        let second = randomBytes(1000, seed: 24)
        _ = try writer.add(first)
        let other = try scratch.store()
        #expect(try other.read(ObjectID.of(first)) == first)
        try other.refresh()
        #expect(try scratch.packFiles() == [])
        _ = try writer.add(second)
        #expect(try other.read(ObjectID.of(second)) == second)
        try writer.finish()
        #expect(try other.read(ObjectID.of(second)) == second)
    }

    @Test func `a recipe that lies about its file is found out`() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let bytes = randomBytes(400_000, seed: 25)
        let honest = try #require(try store.recipe(store.addAll([bytes])[0].oid))
        let lie = Recipe(oid: ObjectID.of("something else"), parts: honest.parts)
        let encoded = lie.encoded
        let writer = try store.makeWriter()
        try writer.importObject(
            id: lie.oid, kind: .recipe, codec: .raw, rawLength: UInt32(encoded.count), stored: encoded)
        try writer.finish()
        let error = #expect(throws: MLError.self) { try store.read(lie.oid) }
        #expect(error?.code == .corrupt)
    }

    @Test func `a full disk is an error with a hint, and the store goes on`() throws {
        let scratch = try Scratch()
        let mountPoint = scratch.path + "/small"
        try Files.makeDirectories(mountPoint)
        let mounted = try Subprocess(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mountPoint]).run()
        guard mounted.status == 0 else {
            print("skipped: cannot mount a tmpfs: \(mounted.errorText)")
            return
        }
        defer { _ = try? Subprocess(["umount", mountPoint]).run() }
        let store = try ObjectStore(root: mountPoint + "/mldata")
        let small = randomBytes(300_000, seed: 26)
        do {
            let writer = try store.makeWriter()
            _ = try writer.add(small)
            let error = #expect(throws: MLError.self) { try writer.add(randomBytes(5_000_000, seed: 27)) }
            #expect(error?.code == .io)
            #expect(error?.hints.isEmpty == false)
            #expect(try store.read(ObjectID.of(small)) == small)
            try writer.cancel()
        }
        let writer = try store.makeWriter()
        _ = try writer.add(small)
        try writer.finish()
        #expect(try store.read(ObjectID.of(small)) == small)
        #expect(try Files.list(mountPoint + "/mldata/tmp") == [])
        #expect(try store.verify() == [])
    }
}
