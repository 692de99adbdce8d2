import Base
import ObjectStore
import Testing

@Suite struct `Pointers` {
    let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    var canonical: String { "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize 12345\n" }

    func parse(_ text: String) -> Pointer? { Pointer.parse(Array(text.utf8)) }

    @Test func `the canonical spelling is the one in the Git LFS specification`() throws {
        let pointer = Pointer(oid: try #require(ObjectID(hex: oid)), size: 12345)
        #expect(String(decoding: pointer.encoded, as: UTF8.self) == canonical)
        #expect(parse(canonical) == pointer)
        #expect(Pointer.isCanonical(Array(canonical.utf8)))
    }

    @Test(arguments: [
        ("\n", "\r\n"), ("size 12345\n", "size 12345"), ("size 12345\n", "size 12345\n\n  "), ("\noid", "\n\noid"),
        ("https://git-lfs.github.com/spec/v1", "http://git-media.io/v/2"),
        ("https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1"),
    ]) func `other spellings are read and are not canonical`(_ change: (String, String)) throws {
        let text = canonical.split(separator: change.0, omittingEmptySubsequences: false).joined(separator: change.1)
        #expect(parse(text)?.size == 12345)
        #expect(parse(text)?.oid.hex == oid)
        #expect(!Pointer.isCanonical(Array(text.utf8)))
    }

    @Test func `size 0 is read and is not canonical`() {
        let text = canonical.split(separator: "12345").joined(separator: "0")
        #expect(parse(text)?.size == 0)
        #expect(!Pointer.isCanonical(Array(text.utf8)))
    }

    @Test func `trailing junk, other keys, other order and long texts are ordinary content`() {
        #expect(parse(canonical + "junk\n") == nil)
        #expect(parse(canonical + "x-key 1\n") == nil)
        #expect(parse("version https://git-lfs.github.com/spec/v1\nsize 12345\noid sha256:\(oid)\n") == nil)
        #expect(parse("version https://git-lfs.github.com/spec/v2\noid sha256:\(oid)\nsize 12345\n") == nil)
        #expect(
            parse("version https://git-lfs.github.com/spec/v1\noid sha256:\(oid.uppercased())\nsize 12345\n") == nil)
        #expect(parse("version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize -1\n") == nil)
        #expect(
            parse("version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize 99999999999999999999\n") == nil)
        #expect(parse(canonical + String(repeating: "\n", count: 1024)) == nil)
        #expect(parse("") == nil)
    }

    @Test func `extension lines are kept`() throws {
        let text =
            "version https://git-lfs.github.com/spec/v1\next-0-foo sha256:\(oid)\next-1-bar sha256:\(oid)\n"
            + "oid sha256:\(oid)\nsize 12345\n"
        let pointer = try #require(parse(text))
        #expect(pointer.extensions.count == 2)
        #expect(pointer.encoded == Array(text.utf8))
        #expect(parse(text.replacing("ext-1", with: "ext-0")) == nil)
    }

    @Test func `a damaged pointer is told from other content`() {
        let damaged = canonical.dropLast(30)
        #expect(parse(String(damaged)) == nil)
        #expect(Pointer.looksLikePointer(Array(damaged.utf8)))
        #expect(!Pointer.looksLikePointer(Array("version 1\n".utf8)))
    }

    @Test func `Git LFS agrees about which texts are pointers`() throws {
        let variants = [
            canonical, canonical + "junk\n", canonical + "\n\n", canonical.replacing("\n", with: "\r\n"),
            canonical.replacing("12345", with: "0"), canonical.replacing("size", with: "sizes"), "hello\n",
            " " + canonical, canonical.replacing("spec/v1", with: "spec/v3"), String(canonical.dropLast(1)),
        ]
        for text in variants {
            guard
                let result = try? Subprocess(["git-lfs", "pointer", "--check", "--stdin"], input: Array(text.utf8))
                    .run()
            else {
                print("skipped: git-lfs is not installed")
                return
            }
            #expect((result.status == 0) == (parse(text) != nil), "for \(text.debugDescription)")
        }
    }
}
