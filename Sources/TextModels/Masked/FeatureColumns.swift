import Base
import CVector

/// Room for the scores of 64 variants of a text side by side: of each feature, the variants that have it as bits of one word.
struct FeatureColumns {
    /// The variants whose last tokens so far are these.
    struct Tail {
        var last: Int32
        /// The token before it, for models of three tokens; −1 for none.
        var before: Int32
        var bits: UInt64
    }

    /// A unit's variant and the masks that choose it.
    struct Choice {
        var pattern: UInt64
        var bits: UInt64
    }

    var tails: [Tail] = []
    var fresh: [Tail] = []
    var choices: [Choice] = []
    /// Bits by feature, and the features that have some.
    var bits: [UInt64] = []
    var touched: [Int32] = []
    var touchedCount = 0
    /// Pairs that were never looked up, with their bits.
    var missing: [(first: Int32, bits: UInt64)] = []
    /// The weights' units above and below 2⁴⁴, output by output: 2¹⁹ of them add up in 64 bits.
    var high: [[Int64]] = []
    var low: [[Int64]] = []
    var known = 0
    /// Weights that do not fit are added up one mask after the other.
    var fits = true

    static let lowBits = 44
    static let largest = 0x1p17

    @inline(__always) mutating func mark(_ feature: Int32, _ own: UInt64) {
        touched[touchedCount] = feature
        touchedCount += bits[Int(feature)] == 0 ? 1 : 0
        bits[Int(feature)] |= own
    }

    /// Makes room for the features that are new.
    mutating func learn(_ weights: [FixedPoint], outputs: Int) {
        let count = weights.count / max(1, outputs)
        guard known < count else { return }
        bits += [UInt64](repeating: 0, count: count - known)
        touched += [Int32](repeating: 0, count: count + 1 - touched.count)
        if high.isEmpty { high = [[Int64]](repeating: [], count: outputs) }
        if low.isEmpty { low = high }
        for feature in known..<count {
            for output in 0..<outputs {
                let weight = weights[feature * outputs + output]
                fits = fits && abs(weight.value) < FeatureColumns.largest
                high[output].append(Int64(truncatingIfNeeded: weight.units >> Int128(FeatureColumns.lowBits)))
                low[output].append(Int64(truncatingIfNeeded: weight.units & (1 << Int128(FeatureColumns.lowBits) - 1)))
            }
        }
        known = count
    }
}

extension FeatureSums {
    /// So many masks are scored side by side; fewer one after the other, by what they change.
    private static let fewestSideBySide = 32

    /// The probabilities for each mask, the same as `score` gives one by one.
    mutating func scores(_ masks: [BitSet]) -> [[Double]] {
        guard masks.count >= FeatureSums.fewestSideBySide, columns.fits, variants.count > 0 else {
            return masks.map { score($0) }
        }
        // Masks of the same size stand together: then what follows a word is soon the same for all of them.
        let players = masks[0].count
        let sizes = masks.map(\.population)
        var starts = [Int](repeating: 0, count: players + 2)
        for size in sizes { starts[size + 1] += 1 }
        for size in 0...players { starts[size + 1] += starts[size] }
        var order = [Int](repeating: 0, count: masks.count)
        for (row, size) in sizes.enumerated() {
            order[starts[size]] = row
            starts[size] += 1
        }
        var out = [[Double]](repeating: [], count: masks.count)
        var visible = [UInt64](repeating: 0, count: players)
        var high = [Int64](repeating: 0, count: 64 * outputs)
        var low = high
        for start in stride(from: 0, to: masks.count, by: 64) {
            let rows = order[start..<min(start + 64, masks.count)]
            visible.withUnsafeMutableBufferPointer { visible in
                visible.update(repeating: 0)
                for (slot, row) in rows.enumerated() { masks[row].forEach { visible[$0] |= 1 << UInt64(slot) } }
            }
            block(visible, live: rows.count == 64 ? ~0 : 1 << UInt64(rows.count) - 1, &high, &low)
            guard columns.fits else { return masks.map { score($0) } }
            for (slot, row) in rows.enumerated() {
                out[row] = model.probabilities(
                    (0..<outputs).map { output in
                        let place = output * 64 + slot
                        let units = Int128(high[place]) << Int128(FeatureColumns.lowBits) + Int128(low[place])
                        return FixedPoint(units: biases[output].units + units).value
                    })
            }
        }
        return out
    }

    /// Sums of up to 64 variants without the biases, output by output, in two parts.
    ///
    /// - Parameters:
    ///   - visible: for each player, the variants in which it is not hidden.
    ///   - live: the bits that stand for variants.
    private mutating func block(_ visible: [UInt64], live: UInt64, _ high: inout [Int64], _ low: inout [Int64]) {
        columns.learn(weights, outputs: outputs)
        columns.tails.removeAll(keepingCapacity: true)
        var afterHidden: UInt64 = 0
        for unit in 0..<variants.count {
            let (start, end) = (Int(variants.starts[unit]), Int(variants.starts[unit + 1]))
            choose(visible, live, start..<end)
            var continues: UInt64 = 0
            if variants.collapsesRuns {
                if end > start, variants.beginsWithPlayer[unit] {
                    continues = afterHidden & ~visible[Int(variants.players[start])]
                }
                afterHidden =
                    end > start && variants.endsWithPlayer[unit]
                    ? live & ~visible[Int(variants.players[end - 1])] : 0
            }
            var consumed: UInt64 = 0
            columns.fresh.removeAll(keepingCapacity: true)
            for choice in columns.choices {
                for (bits, isContinued) in [(choice.bits & ~continues, false), (choice.bits & continues, true)]
                where bits != 0 {
                    // A variant that is new makes another range: not in one expression.
                    let variant = Int(variants.variant(of: unit, choice.pattern, continues: isContinued))
                    let range = variants.ranges[variant]
                    if range.start == range.end { continue }
                    append(Int(range.start)..<Int(range.end), bits)
                    consumed |= bits
                }
            }
            settle(consumed)
        }
        for output in 0..<outputs { sum(output, &high, &low) }
        for index in 0..<columns.touchedCount { columns.bits[Int(columns.touched[index])] = 0 }
        columns.touchedCount = 0
    }

    /// The patterns of hidden players of a unit, with the variants that have them.
    private mutating func choose(_ visible: [UInt64], _ live: UInt64, _ places: Range<Int>) {
        columns.choices.removeAll(keepingCapacity: true)
        columns.choices.append(.init(pattern: 0, bits: live))
        for (position, place) in places.enumerated() {
            let shown = visible[Int(variants.players[place])]
            for index in columns.choices.indices {
                let choice = columns.choices[index]
                let hidden = choice.bits & ~shown
                if hidden == 0 { continue }
                let pattern = choice.pattern | 1 << UInt64(position)
                if hidden == choice.bits {
                    columns.choices[index].pattern = pattern
                } else {
                    columns.choices[index].bits = choice.bits & shown
                    columns.choices.append(.init(pattern: pattern, bits: hidden))
                }
            }
        }
    }

    /// Tokens that come next in some variants.
    private mutating func append(_ range: Range<Int>, _ bits: UInt64) {
        learnWords()
        columns.learn(weights, outputs: outputs)
        let n = model.vocabulary.n
        let (first, count) = (variants.tokens[range.lowerBound], range.count)
        for index in range { columns.mark(single[Int(variants.tokens[index])], bits) }
        guard n > 1 else { return }
        for index in range.dropFirst() {
            mark(pair: variants.tokens[index - 1], variants.tokens[index], bits)
            if n > 2, index - 1 > range.lowerBound {
                mark(triple: variants.tokens[index - 2], variants.tokens[index - 1], variants.tokens[index], bits)
            }
        }
        pairs(with: first, bits)
        guard n > 2 else {
            columns.fresh.append(.init(last: variants.tokens[range.upperBound - 1], before: -1, bits: bits))
            return
        }
        var alone = bits
        for index in columns.tails.indices {
            let tail = columns.tails[index]
            let both = tail.bits & bits
            if both == 0 { continue }
            if tail.before >= 0 { mark(triple: tail.before, tail.last, first, both) }
            if count > 1 {
                mark(triple: tail.last, first, variants.tokens[range.lowerBound + 1], both)
            } else {
                columns.fresh.append(.init(last: first, before: tail.last, bits: both))
                alone &= ~both
            }
        }
        if alone != 0 {
            columns.fresh.append(
                .init(
                    last: variants.tokens[range.upperBound - 1],
                    before: count > 1 ? variants.tokens[range.upperBound - 2] : -1, bits: alone))
        }
    }

    /// Marks the pairs of what stands last in some variants and the token that follows.
    private mutating func pairs(with next: Int32, _ bits: UInt64) {
        let side = side
        columns.missing.removeAll(keepingCapacity: true)
        pairTable.withUnsafeBufferPointer { table in
            let isInTable = Int(next) < side
            for tail in columns.tails {
                let both = tail.bits & bits
                if both == 0 { continue }
                let feature = isInTable && Int(tail.last) < side ? table[Int(tail.last) * side + Int(next)] : -2
                if feature >= 0 { columns.mark(feature, both) } else { columns.missing.append((tail.last, both)) }
            }
        }
        for (first, both) in columns.missing { mark(pair: first, next, both) }
    }

    private mutating func mark(pair first: Int32, _ second: Int32, _ bits: UInt64) {
        let feature = pair(Int(first), Int(second))
        columns.learn(weights, outputs: outputs)
        columns.mark(feature, bits)
    }

    private mutating func mark(triple first: Int32, _ second: Int32, _ third: Int32, _ bits: UInt64) {
        let feature = triple(Int(first), Int(second), Int(third))
        columns.learn(weights, outputs: outputs)
        columns.mark(feature, bits)
    }

    /// The last tokens after a unit that gave tokens to the variants `consumed`.
    private mutating func settle(_ consumed: UInt64) {
        guard consumed != 0, model.vocabulary.n > 1 else { return }
        var kept = 0
        columns.tails.withUnsafeMutableBufferPointer { tails in
            for index in tails.indices {
                var tail = tails[index]
                tail.bits &= ~consumed
                tails[kept] = tail
                kept += tail.bits == 0 ? 0 : 1
            }
        }
        columns.tails.removeLast(columns.tails.count - kept)
        columns.tails += columns.fresh
    }

    private mutating func sum(_ output: Int, _ high: inout [Int64], _ low: inout [Int64]) {
        let count = columns.touchedCount
        var (bits, above, below) = ([UInt64](), [Int64](), [Int64]())
        bits.reserveCapacity(count)
        above.reserveCapacity(count)
        below.reserveCapacity(count)
        for index in 0..<count {
            let feature = Int(columns.touched[index])
            bits.append(columns.bits[feature])
            above.append(columns.high[output][feature])
            below.append(columns.low[output][feature])
        }
        high.withUnsafeMutableBufferPointer { high in
            low.withUnsafeMutableBufferPointer { low in
                guard let high = high.baseAddress, let low = low.baseAddress else { return }
                cvector_sums_where(count, bits, above, below, high + output * 64, low + output * 64)
            }
        }
    }
}
