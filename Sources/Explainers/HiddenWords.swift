import Base

/// A text whose players are the words of an attribution, whatever method made it: for measuring what the attribution
/// says. A hidden word's bytes are taken out or replaced; a byte that several words share goes with the first of them.
public struct HiddenWords: MaskableText {
    public let text: String
    public let replacement: String
    private let occurrences: [[Range<Int>]]
    private let bytes: [UInt8]
    /// All places in order with the word that hides them.
    private let places: [(range: Range<Int>, word: Int)]

    /// - Parameter replacement: what stands for a hidden word; "" removes it.
    /// - Throws: `invalidInput` when the attribution's offsets do not fit its text.
    public init(_ attribution: Attribution, replacement: String = "") throws {
        text = attribution.text
        bytes = Array(attribution.text.utf8)
        self.replacement = replacement
        occurrences = attribution.words.map(\.occurrences)
        places = attribution.words.enumerated()
            .flatMap { word, entry in entry.occurrences.map { (range: $0, word: word) } }
            .sorted { ($0.range.lowerBound, $0.word) < ($1.range.lowerBound, $1.word) }
        let size = bytes.count
        guard places.allSatisfy({ $0.range.lowerBound >= 0 && $0.range.upperBound <= size }) else {
            throw MLError(.invalidInput, "the words of the attribution lie outside its text")
        }
    }

    public var players: Int { occurrences.count }
    public func ranges(of player: Int) -> [Range<Int>] { occurrences[player] }

    public var collapsesRuns: Bool { false }

    /// Nil when words overlap.
    public var pieces: [(bytes: Range<Int>, player: Int?)]? {
        var out: [(bytes: Range<Int>, player: Int?)] = []
        var end = 0
        for place in places {
            guard place.range.lowerBound >= end, !place.range.isEmpty else { return nil }
            if place.range.lowerBound > end { out.append((end..<place.range.lowerBound, nil)) }
            out.append((place.range, place.word))
            end = place.range.upperBound
        }
        if end < bytes.count { out.append((end..<bytes.count, nil)) }
        return out
    }

    public func masked(_ mask: BitSet) -> String {
        var out: [UInt8] = []
        var kept = 0
        for place in places where !mask[place.word] {
            // What an earlier place has hidden already is not hidden twice.
            guard place.range.upperBound > kept else { continue }
            out += bytes[kept..<max(kept, place.range.lowerBound)]
            if place.range.lowerBound >= kept { out += Array(replacement.utf8) }
            kept = place.range.upperBound
        }
        out += bytes[kept...]
        return String(decoding: out, as: UTF8.self)
    }
}
