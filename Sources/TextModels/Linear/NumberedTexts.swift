import Base

/// Texts as numbers of their words, which count from 1 in the order of the words' bytes.
struct NumberedTexts: Sendable {
    /// The words' numbers, text after text.
    var numbers: [Int32] = []
    /// Text i has the places `starts[i] ..< starts[i + 1]`.
    var starts: [Int] = [0]
    /// The words by their numbers; the first entry belongs to no word.
    var words: [[UInt8]] = [[]]

    /// Texts are cut in this many parts, which processors share.
    private static let shards = 8

    init(_ texts: [String]) throws {
        let shards = NumberedTexts.shards
        let parts = try parallelMap(count: shards) { shard in
            Part(texts[texts.count * shard / shards..<texts.count * (shard + 1) / shards])
        }
        // Parts number their words by themselves; joined, each word gets the place its bytes have among all.
        var all = WordNumbers()
        let joined = parts.map { part in
            [0] + (1..<max(1, part.words.count + 1)).map { part.words.withBytes(of: $0) { all.add($0) } }
        }
        var ranks = [Int32](repeating: 0, count: all.count + 1)
        words.reserveCapacity(all.count + 1)
        for number in all.sorted() {
            ranks[Int(number)] = Int32(words.count)
            words.append(all.withBytes(of: Int(number)) { Array($0) })
        }
        numbers.reserveCapacity(parts.reduce(0) { $0 + $1.numbers.count })
        starts.reserveCapacity(texts.count + 1)
        for (part, joined) in zip(parts, joined) {
            let own = joined.map { ranks[$0] }
            let first = numbers.count
            for number in part.numbers { numbers.append(own[Int(number)]) }
            for end in part.ends { starts.append(first + end) }
        }
    }

    private struct Part: Sendable {
        var words = WordNumbers()
        var numbers: [Int32] = []
        var ends: [Int] = []

        init(_ texts: ArraySlice<String>) {
            for text in texts {
                var text = text
                text.withUTF8 { bytes in
                    Tokeniser.forEachWord(in: bytes) { word, _ in numbers.append(Int32(words.add(word))) }
                }
                ends.append(numbers.count)
            }
        }
    }
}
