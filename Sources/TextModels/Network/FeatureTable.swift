import Base

/// Which rows of a table of vectors a word has, for words never seen before too: hashed pieces of its spelling.
///
/// Each different word is looked at once and has a number from then on, while the process runs; numbers never show in a
/// result, rows do, and they depend on the spelling alone.
package final class FeatureTable: @unchecked Sendable {
    /// How rows come from words.
    package enum Kind: Hashable, Sendable {
        /// A row of its own for a known word, and a hashed row for each of its character n-grams between `<` and `>`
        /// (Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2).
        case subwords(buckets: Int, shortest: Int, longest: Int)
        /// Four hashed rows each for the word, its first letter, its last three letters and its shape.
        case multihash(rows: Int, pieces: Int)
        /// One hashed row.
        case hashed(buckets: Int)
    }

    /// The word, its prefix, suffix and shape.
    static let attributes = 4
    /// Hashed rows of each attribute: two words rarely share all four.
    static let seeds = 4

    package let kind: Kind
    private let known: [String: Int32]
    private let mutex = Mutex()
    private var numbers: [String: Int32] = [:]
    private var lists: [[Int32]] = []

    /// - Parameter words: those with a row of their own, from row 1.
    package init(_ kind: Kind, words: [String]) {
        self.kind = kind
        known = Dictionary(words.enumerated().map { ($1, Int32($0 + 1)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Rows the table must have.
    var rowCount: Int {
        switch kind {
        case .subwords(let buckets, _, _): known.count + 1 + buckets
        case .multihash(let rows, _): rows * FeatureTable.attributes
        case .hashed(let buckets): buckets
        }
    }

    /// Rows that every word has, however short.
    var leastRows: Int {
        if case .multihash = kind { return FeatureTable.attributes * FeatureTable.seeds }
        return 1
    }

    /// A number for each word, valid for this table.
    package func numbers(of words: [String]) -> [Int32] {
        mutex.withLock {
            words.map { word in
                if let number = numbers[word] { return number }
                let number = Int32(lists.count)
                lists.append(rows(of: word))
                numbers[word] = number
                return number
            }
        }
    }

    /// The rows of words by their numbers; −1, a dropped word, has none.
    func rows(of ids: [Int32]) -> [[Int32]] {
        mutex.withLock { ids.map { $0 < 0 ? [] : lists[Int($0)] } }
    }

    private func rows(of word: String) -> [Int32] {
        switch kind {
        case .subwords(let buckets, let shortest, let longest):
            var rows = known[word].map { [$0] } ?? []
            let letters = Array("<\(word)>".unicodeScalars)
            for length in shortest...longest where length <= letters.count {
                for start in 0...letters.count - length {
                    var piece = String.UnicodeScalarView()
                    piece.append(contentsOf: letters[start..<start + length])
                    rows.append(Int32(known.count + 1 + FeatureTable.bucket(String(piece), 0, buckets)))
                }
            }
            return rows.isEmpty ? [0] : rows
        case .multihash(let size, _):
            let letters = word.unicodeScalars
            let spellings = [word, String(letters.prefix(1)), String(letters.suffix(3)), FeatureTable.shape(word)]
            return spellings.enumerated().flatMap { attribute, spelling in
                (0..<FeatureTable.seeds).map {
                    Int32(attribute * size + FeatureTable.bucket(spelling, attribute * FeatureTable.seeds + $0, size))
                }
            }
        case .hashed(let buckets): return [Int32(FeatureTable.bucket(word, 0, buckets))]
        }
    }

    /// FNV-1a of the spelling, mixed with the seed.
    static func bucket(_ text: String, _ seed: Int, _ count: Int) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash ^= UInt64(seed) &* 0x9e37_79b9_7f4a_7c15
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((hash ^ (hash >> 31)) % UInt64(count))
    }

    /// `Apple-15` is `Xxxxx-dd`: capitals, small letters and digits, runs cut at four (as in spaCy).
    static func shape(_ word: String) -> String {
        var out = ""
        var last: Character?
        var run = 0
        for scalar in word.unicodeScalars {
            let properties = scalar.properties
            let mark: Character =
                properties.isUppercase
                ? "X" : properties.isAlphabetic ? "x" : properties.numericType != nil ? "d" : Character(scalar)
            run = mark == last ? run + 1 : 1
            last = mark
            if run <= 4 { out.append(mark) }
        }
        return out
    }
}
