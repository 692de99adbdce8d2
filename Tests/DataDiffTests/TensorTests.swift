import Base
import DataDiff
import Testing

@Suite struct TensorTests {
    /// A safetensors file, put together by hand.
    private func file(_ tensors: [(String, String, [Int], [UInt8])], metadata: String = "") -> [UInt8] {
        var entries: [String] = metadata.isEmpty ? [] : ["\"__metadata__\": {\(metadata)}"]
        var data: [UInt8] = []
        for (name, dtype, shape, bytes) in tensors {
            entries.append(
                "\"\(name)\": {\"dtype\": \"\(dtype)\", \"shape\": \(shape), \"data_offsets\": [\(data.count), "
                    + "\(data.count + bytes.count)]}")
            data += bytes
        }
        let header = Array("{\(entries.joined(separator: ", "))}".utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
    }

    private func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) } }
    }

    private func halves(_ values: [UInt16]) -> [UInt8] {
        values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    }

    private func compare(_ old: [UInt8], _ new: [UInt8]) throws -> TensorDiff {
        let difference = try ContentDiff(path: "m", old: ContentSource(old), new: ContentSource(new))
        guard case .tensors(let tensors) = difference.detail else {
            throw MLError(.failed, "\(difference.kind) holds no tensors")
        }
        return tensors
    }

    @Test func `added, removed, reshaped and changed tensors are named`() throws {
        let old = file([
            ("same", "F32", [2], floats([1, 2])), ("gone", "F32", [1], floats([1])), ("w", "F32", [2], floats([1, 2])),
            ("shape", "F32", [2], floats([1, 2])), ("bf", "BF16", [2], halves([0x3f80, 0x4000])),
            ("h", "F16", [1], halves([0x3c00])), ("ids", "I64", [1], [1, 0, 0, 0, 0, 0, 0, 0]),
        ])
        let new = file(
            [
                ("w", "F32", [2], floats([1, 2.5])), ("shape", "F32", [2, 1], floats([1, 2])),
                ("same", "F32", [2], floats([1, 2])), ("came", "F32", [1], floats([1])),
                ("bf", "BF16", [2], halves([0x3f80, 0x4040])), ("h", "F16", [1], halves([0x7e00])),
                ("ids", "I64", [1], [2, 0, 0, 0, 0, 0, 0, 0]),
            ], metadata: "\"step\": \"2\"")
        let difference = try compare(old, new)
        #expect(difference.added == ["came"] && difference.removed == ["gone"] && difference.unchanged == 1)
        #expect(difference.isMetadataChanged)
        let changed = Dictionary(uniqueKeysWithValues: difference.changed.map { ($0.name, $0) })
        #expect(changed["w"]?.maximumDifference == 0.5)
        #expect(changed["bf"]?.maximumDifference == 1)
        // One became NaN.
        #expect(changed["h"]?.maximumDifference == .infinity)
        #expect(changed["ids"]?.maximumDifference == nil && changed["ids"]?.isOnlyValues == true)
        #expect(changed["shape"]?.old == "F32 [2]" && changed["shape"]?.new == "F32 [2, 1]")
        #expect(changed.count == 5)
    }

    @Test func `every half-precision number is read right`() {
        for bits in UInt16.min...UInt16.max {
            let value = FloatFormat.half(bits)
            let expected = Double(Float16(bitPattern: bits))
            #expect(value == expected || (value.isNaN && expected.isNaN))
        }
    }

    @Test func `the largest difference is found behind the first piece`() throws {
        var values = [Float](repeating: 1, count: 600_000)
        let old = file([("w", "F32", [600_000], floats(values))])
        values[5] = 1.25
        values[599_999] = -1
        let difference = try compare(old, file([("w", "F32", [600_000], floats(values))]))
        #expect(difference.changed.first?.maximumDifference == 2)
    }

    @Test(arguments: 0..<300) func `damaged files never fail, whatever the damage`(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed), purpose: "damage")
        let tensors = file([("a", "F32", [2], floats([1, 2])), ("b", "F16", [1], halves([1]))])
        let array =
            [0x93] + Array("NUMPY".utf8) + [1, 0, 70, 0]
            + Array("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }          \n".utf8)
        let samples: [(String, [UInt8])] = [
            ("m.safetensors", tensors), ("a.npy", array), ("t.csv", Array("a,b\n1,\"x\ny\"\n2,z\n".utf8)),
            ("t.jsonl", Array("{\"a\": [1, {\"b\": \"c\\\"\"}]}\n{\"a\": 2}\n".utf8)),
            ("t.json", Array("{\"a\": 1}".utf8)),
        ]
        let (name, whole) = samples[seed % samples.count]
        var broken = whole
        for _ in 0..<1 + random.below(4) where !broken.isEmpty {
            let place = random.below(broken.count)
            switch random.below(3) {
            case 0: broken[place] = UInt8(random.below(256))
            case 1: broken.removeSubrange(place...)
            default: broken.insert(UInt8(random.below(256)), at: place)
            }
        }
        for (old, new) in [(whole, broken), (broken, whole), (broken, broken)] {
            let difference = try ContentDiff(path: name, old: ContentSource(old), new: ContentSource(new))
            #expect(!difference.summary().isEmpty && !difference.json.compact().isEmpty)
        }
        var text: [UInt8] = []
        try ContentText.write(ContentSource(broken), path: name) { text += $0 }
        if !broken.isEmpty { #expect(!text.isEmpty) }
    }

    @Test func `a NumPy array is told by its header`() throws {
        func array(_ shape: String) -> [UInt8] {
            let header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n".utf8)
            return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header + [0, 0, 0, 0]
        }
        let difference = try ContentDiff(
            path: "a.npy", old: ContentSource(array("(3, 4)")), new: ContentSource(array("(5,)")))
        #expect(difference.summary() == ["<f4 [3, 4] -> <f4 [5]"])
    }

    /// A ZIP file of stored members; the CRC-32 is whatever the caller says (PKWARE APPNOTE §4.3).
    private func archive(_ members: [(name: String, bytes: [UInt8], crc32: UInt32)]) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var out: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let sizes =
                little(Int(member.crc32), 4) + little(member.bytes.count, 4) + little(member.bytes.count, 4)
                + little(member.name.utf8.count, 2)
            let start = out.count
            out += [0x50, 0x4B, 3, 4] + little(20, 2) + little(0, 8) + sizes + little(0, 2) + Array(member.name.utf8)
            out += member.bytes
            directory += [0x50, 0x4B, 1, 2] + little(20, 2) + little(20, 2) + little(0, 8) + sizes
            directory += little(3, 2) + little(0, 10) + little(start, 4) + Array(member.name.utf8)
            directory += [1, 2, 3]
        }
        let end = [0x50, 0x4B, 5, 6] + little(0, 4) + little(members.count, 2) + little(members.count, 2)
        return out + directory + end + little(directory.count, 4) + little(out.count, 4) + little(5, 2)
            + Array("notes".utf8)
    }

    @Test func `a ZIP file is told by its members`() throws {
        let old = archive([("a.npy", [1, 2], 7), ("b.npy", [3], 8), ("gone", [4], 9)])
        let new = archive([("b.npy", [3], 8), ("a.npy", [1, 9], 6), ("came", [4], 9)])
        let difference = try ContentDiff(path: "a.npz", old: ContentSource(old), new: ContentSource(new))
        #expect(difference.summary() == ["members +1 -1 ~1, 1 unchanged", "  + came", "  - gone", "  ~ a.npy"])
        #expect(difference.json["members"]?["changed"] == ["a.npy"])
        var text: [UInt8] = []
        try ContentText.write(ContentSource(old), path: "a.npz") { text += $0 }
        #expect(String(decoding: text, as: UTF8.self).hasPrefix("zip: 3 members\na.npy: size 2, crc32 7\n"))
        // Up to the last byte of the end record; the comment behind it may be cut.
        for length in stride(from: 0, to: old.count - 5, by: 3) {
            let cut = try ContentDiff(
                path: "a.npz", old: ContentSource(old), new: ContentSource(Array(old[..<length])))
            #expect(cut.kind == .binary || cut.kind == .text)
        }
    }

    @Test func `the text of a model has a line a tensor, sorted, with its statistics`() throws {
        let bytes = file(
            [("b", "F32", [2], floats([1, 3])), ("a", "I64", [1], [1, 0, 0, 0, 0, 0, 0, 0])], metadata: "\"k\": \"v\"")
        var text: [UInt8] = []
        try ContentText.write(ContentSource(bytes), path: "m") { text += $0 }
        let ids = [ObjectID.of([1, 0, 0, 0, 0, 0, 0, 0]).short, ObjectID.of(floats([1, 3])).short]
        #expect(
            String(decoding: text, as: UTF8.self) == """
                safetensors
                tensors: 2
                metadata k: v
                a: I64 [1], sha256 \(ids[0])
                b: F32 [2], mean 2, std 1, sha256 \(ids[1])

                """)
    }
}
