import Base
import Explainers
import Testing

@Suite struct IndexedTextTests {
    @Test func `words are those of Python's regular expressions and offsets count UTF-8 bytes`() {
        let text = "Été été e\u{301}te x_1 ½ क्ष 数据—a\u{212B}\u{C5}a Été"
        let words = IndexedText(text).words
        #expect(words.map(\.text) == ["Été", "été", "e", "te", "x_1", "½", "क", "ष", "数据", "a\u{212B}\u{C5}a"])
        let bytes = Array(text.utf8)
        for word in words {
            for range in word.occurrences { #expect(Array(word.text.utf8) == Array(bytes[range])) }
        }
        #expect(words[0].occurrences.count == 2)
        // Equal for Swift's String, different words for Python.
        #expect(IndexedText("\u{212B} \u{C5}").words.count == 2)
    }

    @Test func `hiding merges repeats or replaces single occurrences`() {
        let merged = IndexedText("a b, a!")
        var mask = BitSet(count: 2, all: true)
        #expect(merged.masked(mask) == "a b, a!")
        mask[0] = false
        #expect(merged.masked(mask) == " b, !")
        let apart = IndexedText("a b, a!", mergesRepeats: false)
        var each = BitSet(count: 3, all: true)
        each[0] = false
        #expect(apart.masked(each) == "UNKWORDZ b, a!")
    }

    @Test func `bit sets count and list their bits`() {
        for count in [0, 1, 63, 64, 65, 200] {
            let all = BitSet(count: count, all: true)
            #expect(all.population == count)
            var seen: [Int] = []
            all.forEach { seen.append($0) }
            #expect(seen == Array(0..<count))
            #expect(BitSet(count: count).population == 0)
        }
    }
}
