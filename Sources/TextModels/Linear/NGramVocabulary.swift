import Base

/// The n-grams a linear model knows, each a feature. Words of a text are numbered first, so that an n-gram is one
/// 64-bit key and looking it up costs no text.
struct NGramVocabulary: Sendable {
    /// Bits of a word's number in a key: up to 2,097,151 words, up to three of them.
    private static let bits: UInt64 = 21
    static let maximumWords = 1 << Int(bits) - 1

    let n: Int
    /// How many features there are.
    let count: Int
    /// The features' spelling, a line each, words separated by one space, sorted by bytes: `vocab.txt`.
    private let text: [UInt8]
    private let words: WordNumbers
    private let index: KeyNumbers

    /// - Parameter text: `vocab.txt`, in the order of the weights.
    init(n: Int, text: [UInt8]) {
        self.n = n
        self.text = text
        var words = WordNumbers()
        var index = KeyNumbers(capacity: text.reduce(1) { $1 == 10 ? $0 + 1 : $0 })
        var number: Int32 = 0
        text.withUnsafeBytes { text in
            var start = 0
            while start < text.count {
                var key: UInt64 = 0
                var end = start
                // By bytes: a space before a combining mark is no character of its own.
                while true {
                    if end == text.count || text[end] == 0x20 || text[end] == 10 {
                        if end > start {
                            let id = words.add(UnsafeRawBufferPointer(rebasing: text[start..<end]))
                            key = key << NGramVocabulary.bits | UInt64(id)
                        }
                        start = end + 1
                        if end == text.count || text[end] == 10 { break }
                    }
                    end += 1
                }
                if key == 0 { continue }
                index[key] = number
                number += 1
            }
        }
        self.words = words
        self.index = index
        count = Int(number)
    }

    /// The features' spelling.
    var features: [String] { text.split(separator: 10).map { String(decoding: $0, as: UTF8.self) } }

    /// Learns the n-grams that occur in at least `minimumCount` texts.
    static func learn(_ texts: [[String]], n: Int, minimumCount: Int) throws -> NGramVocabulary {
        var words: [String: UInt64] = [:]
        var names: [String] = [""]
        let numbered = texts.map { text in
            text.map { word -> UInt64 in
                if let id = words[word] { return id }
                let id = UInt64(names.count)
                words[word] = id
                names.append(word)
                return id
            }
        }
        guard names.count <= maximumWords else {
            throw MLError(
                .invalidInput, "\(names.count) different words are more than an n-gram model takes (\(maximumWords))")
        }
        var counts: [UInt64: Int32] = [:]
        for text in numbered {
            for key in Set(keys(of: text, n: n)) { counts[key, default: 0] += 1 }
        }
        let kept = counts.filter { $0.value >= Int32(minimumCount) }.keys.map { spell($0, names) }
        let sorted = kept.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return NGramVocabulary(n: n, text: Array(sorted.joined(separator: "\n").utf8))
    }

    /// The features of a text, each once, ascending.
    func features(of text: [String]) -> [Int32] {
        var found: [Int32] = []
        for key in NGramVocabulary.keys(of: text.map(number), n: n) {
            if let feature = index[key] { found.append(feature) }
        }
        found.sort()
        var unique: [Int32] = []
        unique.reserveCapacity(found.count)
        for feature in found where feature != unique.last { unique.append(feature) }
        return unique
    }

    /// A word's number; 0 for one that is in no feature.
    func number(of word: String) -> UInt64 { UInt64(words.number(of: word)) }

    /// The feature of neighbouring words by their numbers.
    func feature(of ids: [UInt64]) -> Int32? {
        if ids.isEmpty || ids.contains(0) { return nil }
        return index[ids.reduce(0) { $0 << NGramVocabulary.bits | $1 }]
    }

    /// Where each feature of a text occurs: the tokens it covers, over all occurrences.
    func occurrences(in text: [String]) -> [Int32: [Int]] {
        let ids = text.map(number)
        var found: [Int32: [Int]] = [:]
        for start in ids.indices {
            var key: UInt64 = 0
            for length in 1...n where start + length <= ids.count {
                let id = ids[start + length - 1]
                if id == 0 { break }
                key = key << NGramVocabulary.bits | id
                if let feature = index[key] { found[feature, default: []] += Array(start..<start + length) }
            }
        }
        return found
    }

    /// Keys of all n-grams of up to `n` words; a word that is not known (0) belongs to none.
    private static func keys(of ids: [UInt64], n: Int) -> [UInt64] {
        var keys: [UInt64] = []
        keys.reserveCapacity(ids.count * n)
        for start in ids.indices {
            var key: UInt64 = 0
            for length in 1...n where start + length <= ids.count {
                let id = ids[start + length - 1]
                if id == 0 { break }
                key = key << bits | id
                keys.append(key)
            }
        }
        return keys
    }

    private static func spell(_ key: UInt64, _ names: [String]) -> String {
        var parts: [String] = []
        var rest = key
        while rest > 0 {
            parts.append(names[Int(rest & (1 << bits - 1))])
            rest >>= bits
        }
        return parts.reversed().joined(separator: " ")
    }
}
