import Base
import Glibc
import ObjectStore
import Testing

@Suite struct `The store` {
    @Test(arguments: [
        1, 100, 16384, 16385, 65536, 262_143, 262_144, 262_145, 1_000_000, 4_194_304, 4_456_448, 9_000_001,
    ])
    func `a file of any length comes back`(_ length: Int) throws {
        let scratch = try Scratch()
        let bytes = randomBytes(length, seed: UInt64(length))
        let store = try scratch.store()
        let writer = try store.makeWriter()
        let result = try writer.add(bytes)
        #expect(result.pointer == Pointer(oid: ObjectID.of(bytes), size: Int64(length)))
        #expect(result.newBytes == Int64(length))
        #expect(result.chunks == Chunker.standard.lengths(of: bytes).count)
        // It can be read before the pack is finished, and after, and by others.
        #expect(try store.read(result.pointer.oid) == bytes)
        #expect(try scratch.store().read(result.pointer.oid) == bytes)
        try writer.finish()
        #expect(try store.read(result.pointer.oid) == bytes)
        let other = try scratch.store()
        #expect(try other.read(result.pointer.oid) == bytes)
        #expect(try other.size(result.pointer.oid) == Int64(length))
        #expect(try other.verify() == [])
    }

    @Test func `the same file is stored once, and an edit stores little`() throws {
        let scratch = try Scratch()
        var bytes = randomBytes(6_000_000, seed: 3)
        try scratch.store().addAll([bytes])
        let store = try scratch.store()
        let writer = try store.makeWriter()
        let again = try writer.add(bytes)
        #expect(again.newBytes == 0 && again.storedBytes == 0 && again.reusedBytes == 6_000_000)
        #expect(try writer.finish() == nil)
        bytes.insert(0, at: 3_000_000)
        let edited = try store.makeWriter().add(bytes)
        #expect(edited.newBytes < 600_000 && edited.newBytes > 0)
        #expect(try scratch.packFiles().count == 1)
    }

    @Test func `text is compressed, noise is not`() throws {
        let scratch = try Scratch()
        let writer = try scratch.store().makeWriter()
        let text = tableText(rows: 100_000, seed: 4)
        #expect(try writer.add(text).storedBytes < Int64(text.count) / 2)
        let noise = randomBytes(500_000, seed: 5)
        let stored = try writer.add(noise).storedBytes
        #expect(stored > 500_000 && stored < 503_000)
    }

    @Test func `ranges equal the slices of the whole`() throws {
        let scratch = try Scratch()
        let bytes = randomBytes(1_500_000, seed: 6)
        let store = try scratch.store()
        let oid = try store.addAll([bytes])[0].oid
        var random = SeededRandom(seed: 6, purpose: "ranges")
        for _ in 0..<60 {
            let offset = random.below(1_600_000)
            let length = random.below(300_000)
            let start = min(offset, bytes.count)
            let expected = Array(bytes[start..<min(start + length, bytes.count)])
            #expect(try store.readRange(oid, offset: Int64(offset), length: length) == expected)
        }
        #expect(try store.readRange(oid, offset: 1_499_999, length: .max) == [bytes[1_499_999]])
        #expect(throws: MLError.self) { try store.readRange(oid, offset: -1, length: 1) }
    }

    @Test func `what is missing is said to be missing`() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let oid = ObjectID.of("nothing")
        #expect(try !store.contains(oid))
        #expect(try store.size(oid) == nil)
        #expect(try store.missingChunks(of: oid) == [oid])
        let error = #expect(throws: MLError.self) { try store.read(oid) }
        #expect(error?.code == .missingObject)
        #expect(error?.hints == ["run 'git mldata pull'"])
        #expect(!Files.exists(scratch.path + "/mldata"), "reading creates nothing")
    }

    @Test func `an empty file is refused`() throws {
        let scratch = try Scratch()
        let writer = try scratch.store().makeWriter()
        #expect(throws: MLError.self) { try writer.add([]) }
        #expect(try writer.finish() == nil)
    }

    @Test func `the same bytes give the same pack, however they arrive`() throws {
        let bytes = randomBytes(5_000_000, seed: 7) + tableText(rows: 50_000, seed: 7)
        var packs: [[UInt8]] = []
        for step in [Int.max, 65_516, 4096] {
            let scratch = try Scratch()
            let writer = try scratch.store().makeWriter()
            var offset = 0
            _ = try writer.add { target in
                // A pipe hands over in small steps; a source fills its buffer all the same.
                var done = 0
                while done < target.count, offset < bytes.count {
                    let count = min(step, target.count - done, bytes.count - offset)
                    for index in 0..<count { target[done + index] = bytes[offset + index] }
                    done += count
                    offset += count
                }
                return done
            }
            try writer.finish()
            packs.append(try Files.read(try scratch.packFiles()[0]))
        }
        #expect(packs[0] == packs[1] && packs[1] == packs[2])
    }

    @Test func `a source that fails leaves a store that works`() throws {
        struct Broken: Error {}
        let scratch = try Scratch()
        let store = try scratch.store()
        let writer = try store.makeWriter()
        var calls = 0
        #expect(throws: Broken.self) {
            _ = try writer.add { target in
                calls += 1
                if calls == 4 { throw Broken() }
                target.copyBytes(from: randomBytes(target.count, seed: 8, position: UInt64(calls)))
                return target.count
            }
        }
        let pointer = try writer.add(Array("after".utf8)).pointer
        try writer.finish()
        #expect(try store.read(pointer.oid) == Array("after".utf8))
        #expect(try store.verify() == [])
    }

    @Test func `an unknown format is refused with its version`() throws {
        let scratch = try Scratch()
        try Files.makeDirectories(scratch.path + "/mldata")
        try Files.writeAtomically("mldata store 9\n", to: scratch.path + "/mldata/format")
        let error = #expect(throws: MLError.self) { try scratch.store() }
        #expect(error?.message.contains("mldata store 9") == true)
        #expect(error?.hints == ["update git-mldata"])
    }

    @Test func `many writers at once lose nothing`() throws {
        let scratch = try Scratch()
        let files = (0..<96).map { randomBytes(500 + $0 * 3000, seed: 9, position: UInt64($0 / 2)) }
        let root = scratch.path + "/mldata"
        _ = try parallelMap(count: 6, workers: 6) { worker in
            let store = try ObjectStore(root: root)
            for round in 0..<16 { try store.addAll([files[worker * 16 + round]]) }
        }
        let store = try scratch.store()
        for file in files { #expect(try store.read(ObjectID.of(file)) == file) }
        #expect(try Files.list(root + "/tmp") == [])
        #expect(try store.verify() == [])
    }

    @Test func `an object another process finished is found after a miss`() throws {
        let scratch = try Scratch()
        let reader = try scratch.store()
        let bytes = randomBytes(1000, seed: 10)
        #expect(try !reader.contains(ObjectID.of(bytes)))
        try scratch.store().addAll([bytes])
        #expect(try reader.read(ObjectID.of(bytes)) == bytes)
    }

    @Test func `a long pack is followed by another`() throws {
        let scratch = try Scratch()
        let bytes = randomBytes(12_000_000, seed: 11)
        let store = try scratch.store()
        let writer = try store.makeWriter(packLimit: 1 << 20)
        _ = try writer.add(bytes)
        #expect(try store.read(ObjectID.of(bytes)) == bytes)
        try writer.finish()
        #expect(try scratch.packFiles().count == 3)
        #expect(try scratch.store().read(ObjectID.of(bytes)) == bytes)
        #expect(try store.verify() == [])
    }

    @Test func `nobody relies on a pack that is not finished`() throws {
        let scratch = try Scratch()
        let bytes = randomBytes(400_000, seed: 12)
        let doomed = try scratch.store().makeWriter()
        _ = try doomed.add(bytes)
        let store = try scratch.store()
        #expect(try store.contains(ObjectID.of(bytes)))
        try store.addAll([bytes])
        try doomed.cancel()
        #expect(try scratch.store().read(ObjectID.of(bytes)) == bytes)
    }
}
