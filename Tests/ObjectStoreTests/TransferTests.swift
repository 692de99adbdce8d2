import Base
import ObjectStore
import Testing

@Suite struct `Transfer between stores` {
    @Test func `exported packs hold what was asked for and import again`() throws {
        let here = try Scratch()
        let there = try Scratch()
        let files = (0..<6).map { randomBytes(300_000 * ($0 + 1), seed: 30, position: UInt64($0)) }
        let source = try here.store()
        let pointers = try source.addAll(files)
        let wanted = Array(pointers[1...4].map(\.oid))
        let objects = try source.closure(of: wanted + wanted)
        #expect(Set(objects).count == objects.count)
        var packs: [ExportedPack] = []
        try source.exportPacks(of: objects, limit: 1 << 20) { packs.append($0) }
        #expect(packs.count > 2)
        #expect(packs.allSatisfy { $0.pack.count <= 1 << 20 })
        #expect(Set(packs.flatMap { $0.entries.map(\.id) }) == Set(objects))

        let target = try there.store()
        let writer = try target.makeWriter()
        for pack in packs {
            let index = try PackIndex(parsing: pack.index, name: pack.name.hex)
            #expect(index.packLength == UInt64(pack.pack.count))
            #expect(ObjectID.of(pack.pack) == pack.name)
            for entry in index.entries {
                let record = Array(pack.pack[Int(entry.range.lowerBound)..<Int(entry.range.upperBound)])
                #expect(try writer.importRecord(entry, record: record, pack: pack.name.hex))
                #expect(try !writer.importRecord(entry, record: record, pack: pack.name.hex))
            }
        }
        #expect(try target.missingChunks(of: wanted[0]) == [])
        try writer.finish()
        for index in 1...4 { #expect(try target.read(pointers[index].oid) == files[index]) }
        #expect(try !target.contains(pointers[5].oid))
    }

    @Test func `a fetched recipe says which chunks it needs`() throws {
        let here = try Scratch()
        let there = try Scratch()
        let bytes = randomBytes(900_000, seed: 31)
        let source = try here.store()
        let oid = try source.addAll([bytes])[0].oid
        let recipe = try #require(try source.recipe(oid))
        let target = try there.store()
        let writer = try target.makeWriter()
        let encoded = recipe.encoded
        try writer.importObject(id: oid, kind: .recipe, codec: .raw, rawLength: UInt32(encoded.count), stored: encoded)
        #expect(try target.missingChunks(of: oid) == recipe.parts.map(\.id))
        #expect(try !target.contains(oid))
        let error = #expect(throws: MLError.self) { try target.read(oid) }
        #expect(error?.code == .missingObject)
    }

    @Test func `a false object is not imported`() throws {
        let scratch = try Scratch()
        let writer = try scratch.store().makeWriter()
        let error = #expect(throws: MLError.self) {
            try writer.importObject(id: ObjectID.of("a"), kind: .chunk, codec: .raw, rawLength: 1, stored: [0x62])
        }
        #expect(error?.code == .corrupt)
        #expect(throws: MLError.self) {
            try writer.importObject(id: ObjectID.of("a"), kind: .chunk, codec: .zstd, rawLength: 1, stored: [0x61])
        }
        #expect(writer.count == 0)
    }

    @Test(arguments: 0..<30) func `random bytes are no index and no recipe`(_ seed: Int) throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let oid = try store.addAll([randomBytes(400_000, seed: 32)])[0].oid
        var random = SeededRandom(seed: UInt64(seed), purpose: "fuzz")
        var index = try Files.read(try scratch.packFiles(".idx")[0])
        var recipe = try #require(try store.recipe(oid)).encoded
        index[random.below(index.count)] ^= UInt8(1 + random.below(255))
        recipe[random.below(recipe.count)] ^= UInt8(1 + random.below(255))
        #expect(throws: MLError.self) { try PackIndex(parsing: index, name: "x") }
        #expect(throws: MLError.self) {
            try PackIndex(parsing: Array(index.prefix(random.below(index.count))), name: "x")
        }
        #expect(throws: MLError.self) { try Recipe(parsing: recipe, of: oid) }
        #expect(throws: MLError.self) { try Recipe(parsing: Array(recipe.prefix(random.below(recipe.count))), of: oid) }
    }

    @Test func `compaction keeps what is wanted and gives space back`() throws {
        let scratch = try Scratch()
        let store = try scratch.store()
        let files = (0..<4).map { randomBytes(500_000, seed: 33, position: UInt64($0)) }
        for pair in [0..<2, 2..<4] { try store.addAll(Array(files[pair])) }
        let wanted = Set(try store.closure(of: [ObjectID.of(files[1]), ObjectID.of(files[2])]))
        let result = try store.compact(merge: true) { wanted.contains($0.id) }
        #expect(result.freedBytes > 900_000)
        #expect(try scratch.packFiles().count == 1)
        for index in 0..<4 { #expect(try store.contains(ObjectID.of(files[index])) == [1, 2].contains(index)) }
        #expect(try scratch.store().read(ObjectID.of(files[1])) == files[1])
        #expect(try store.verify() == [])
    }
}
