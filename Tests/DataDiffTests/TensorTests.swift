import Base
import Testing

@testable import DataDiff

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
