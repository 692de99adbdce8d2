import Base

/// The words a network knows, numbered from 1; 0 stands for every other word. With hashed vectors every word has a number.
struct WordVocabulary: Sendable {
    let words: [String]
    /// Set where vectors are made of hashed rows.
    let features: FeatureTable?
    private let numbers: [String: Int32]

    /// - Parameter words: as in `vocab.txt`.
    init(words: [String], features kind: FeatureTable.Kind? = nil) {
        self.words = words
        features = kind.map { FeatureTable($0, words: words) }
        numbers = Dictionary(words.enumerated().map { ($1, Int32($0 + 1)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Words that occur at least so often, sorted by bytes.
    static func learn(
        _ texts: [[String]], minimumCount: Int, features: FeatureTable.Kind? = nil
    ) -> WordVocabulary {
        switch features {
        case .multihash?, .hashed?: return WordVocabulary(words: [], features: features)
        case .subwords?, nil: break
        }
        var counts: [String: Int] = [:]
        for text in texts { for word in text { counts[word, default: 0] += 1 } }
        let kept = counts.filter { $0.value >= minimumCount }.keys
        return WordVocabulary(
            words: kept.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, features: features)
    }

    /// Rows an embedding needs: all words and the unknown one.
    var count: Int { words.count + 1 }

    func knows(_ word: String) -> Bool { numbers[word] != nil }

    func numbers(of text: [String]) -> [Int32] {
        if let features { return features.numbers(of: text) }
        return text.map { numbers[$0] ?? 0 }
    }

    /// Which tokens of a long text are read: the first quarter and the last three of `limit`; endings decide more.
    static func kept(_ count: Int, limit: Int) -> [Range<Int>] {
        if count <= limit { return [0..<count] }
        let head = limit / 4
        return [0..<head, (count - (limit - head))..<count]
    }

    /// The numbers of the tokens that are read.
    func numbers(of text: [String], limit: Int) -> [Int32] {
        WordVocabulary.kept(text.count, limit: limit).flatMap { numbers(of: Array(text[$0])) }
    }
}
