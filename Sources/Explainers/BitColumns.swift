import Base
import CVector

/// The binary rows of a weighted regression, column by column: 64 rows of equal weight are one word, so that sums over
/// pairs of columns are counts of common bits.
struct BitColumns {
    let count: Int
    /// Words a column, a multiple of eight.
    let length: Int
    /// The weight of the rows of each word.
    private let weights: [Double]
    /// The bit of each row; rows of one weight lie together.
    private let slots: [Int]
    private let words: [UInt64]

    init(_ masks: [BitSet], weights: [Double]) {
        let count = masks.first?.count ?? 0
        var groups: [UInt64: Int] = [:]
        var sizes: [Int] = []
        var groupWeights: [Double] = []
        let groupOf = weights.map { weight -> Int in
            let group = groups[weight.bitPattern] ?? sizes.count
            if group == sizes.count {
                groups[weight.bitPattern] = group
                sizes.append(0)
                groupWeights.append(weight)
            }
            sizes[group] += 1
            return group
        }
        var next: [Int] = []
        var wordWeights: [Double] = []
        for (size, weight) in zip(sizes, groupWeights) {
            next.append(wordWeights.count * 64)
            wordWeights += repeatElement(weight, count: (size + 63) / 64)
        }
        wordWeights += repeatElement(0, count: (8 - wordWeights.count % 8) % 8)
        let slots = groupOf.map { group -> Int in
            next[group] += 1
            return next[group] - 1
        }
        let length = wordWeights.count
        var words = [UInt64](repeating: 0, count: count * length)
        words.withUnsafeMutableBufferPointer { words in
            for (slot, mask) in zip(slots, masks) {
                let (place, bit) = (slot >> 6, 1 << UInt64(slot & 63) as UInt64)
                mask.forEach { words[$0 * length + place] |= bit }
            }
        }
        self.count = count
        self.length = length
        self.slots = slots
        self.weights = wordWeights
        self.words = words
    }

    /// For each pair of columns the weight of the rows that have both bits: `count` rows of `count`, symmetric.
    func overlaps() -> [Double] {
        let (count, length) = (count, length)
        return [Double](unsafeUninitializedCapacity: count * count) { out, used in
            words.withUnsafeBufferPointer { words in
                weights.withUnsafeBufferPointer { weights in
                    guard let words = words.baseAddress, let weights = weights.baseAddress else { return }
                    for i in 0..<count {
                        for j in 0...i {
                            let sum = cvector_weighted_overlap(length, words + i * length, words + j * length, weights)
                            out[i * count + j] = sum
                            out[j * count + i] = sum
                        }
                    }
                }
            }
            used = count * count
        }
    }

    /// For each column the sum of the values of the rows that have its bit.
    func sums(_ values: [Double]) -> [Double] {
        var ordered = [Double](repeating: 0, count: length * 64)
        for (slot, value) in zip(slots, values) { ordered[slot] = value }
        return words.withUnsafeBufferPointer { words in
            (0..<count).map { column in
                words.baseAddress.map { cvector_sum_where(length, $0 + column * length, ordered) } ?? 0
            }
        }
    }
}
