import Base
import Testing

@Suite struct `JSON documents` {
    /// A random value: every kind, nested.
    func value(_ random: inout SeededRandom, depth: Int) -> JSON {
        switch random.below(depth > 3 ? 5 : 7) {
        case 0: return .null
        case 1: return .bool(random.below(2) == 0)
        case 2: return .integer(Int64(bitPattern: random.next()))
        case 3: return .number((random.uniform() - 0.5) * 1e20)
        case 4:
            let scalars = (0..<random.below(12)).map { _ in
                Unicode.Scalar(UInt32(random.below([128, 0x800, 0xD7FF, 32][random.below(4)]))) ?? "x"
            }
            return .string(String(String.UnicodeScalarView(scalars)))
        case 5: return .array((0..<random.below(5)).map { _ in value(&random, depth: depth + 1) })
        default:
            return .object(JSONObject((0..<random.below(5)).map { ("key \($0)\n", value(&random, depth: depth + 1)) }))
        }
    }

    @Test(arguments: 0..<100) func `what is written reads back`(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed), purpose: "json")
        let original = value(&random, depth: 0)
        #expect(try JSON(parsing: original.compact()) == original)
        #expect(try JSON(parsing: original.pretty()) == original)
    }

    @Test func `integers stay integers and keys keep their order`() throws {
        let text = #"{"z": 1, "a": [1, 1.0, -0, 9223372036854775807, 1e3], "m": null}"#
        let json = try JSON(parsing: text)
        #expect(json.objectValue?.keys == ["z", "a", "m"])
        #expect(json["a"]?.arrayValue?.first == .integer(1))
        #expect(json["a"]?.arrayValue?[1] == .number(1))
        #expect(json["a"]?.arrayValue?[3].intValue == Int.max)
        #expect(json["a"]?.arrayValue?[4].intValue == 1000)
        #expect(json.compact(sortedKeys: true).hasPrefix(#"{"a": "#))
    }

    @Test func `a second value for a key replaces the first in place`() throws {
        let json = try JSON(parsing: #"{"a": 1, "b": 2, "a": 3}"#)
        #expect(json.compact() == #"{"a": 3, "b": 2}"#)
    }

    @Test func `escapes are read and written`() throws {
        let json = try JSON(parsing: #""\u00e9\ud83d\ude00\n\t\"\\\/\b\f""#)
        #expect(json.stringValue == "é😀\n\t\"\\/\u{8}\u{c}")
        #expect(JSON.string("\u{1}\"\\\n").compact() == #""\u0001\"\\\n""#)
    }

    @Test(arguments: [
        ("", 1, 1), ("{", 1, 2), ("[1,\n 2,,]", 2, 4), ("{\"a\" 1}", 1, 6), ("[1] x", 1, 5), ("01", 1, 1),
        ("\"\\x\"", 1, 4),
        ("\"\\ud800\"", 1, 8), ("nul", 1, 1), ("-", 1, 1), ("1.", 1, 1), ("[\"a\u{1}\"]", 1, 5), ("{1: 2}", 1, 2),
    ]) func `a mistake is named with its line and column`(_ example: (String, Int, Int)) {
        let error = #expect(throws: MLError.self) { try JSON(parsing: example.0) }
        #expect(error?.code == .invalidInput)
        #expect(
            error?.message.hasPrefix("invalid JSON at line \(example.1), column \(example.2):") == true,
            "\(error?.message ?? "")")
    }

    @Test func `bytes that are not UTF-8 and endless nesting are refused`() {
        #expect(throws: MLError.self) { try JSON(parsing: [0x22, 0xff, 0x22]) }
        #expect(throws: MLError.self) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
    }

    @Test(arguments: 0..<200) func `random bytes are read or refused, never fatal`(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed), purpose: "json fuzz")
        let alphabet = Array("{}[]\",:\\u0123456789.-+eE truefalsn\n".utf8)
        let bytes = (0..<random.below(200)).map { _ in
            random.below(20) == 0 ? UInt8(random.below(256)) : alphabet[random.below(alphabet.count)]
        }
        if let json = try? JSON(parsing: bytes) { #expect((try? JSON(parsing: json.compact())) == json) }
        var damaged = Array(#"{"a": [1, 2.5e-3, "x\u00e9", {"b": null}], "c": -7}"#.utf8)
        damaged[random.below(damaged.count)] = UInt8(random.below(256))
        _ = try? JSON(parsing: damaged)
    }
}
