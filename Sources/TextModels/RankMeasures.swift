/// Measures of how probabilities order texts, and of how far they can be believed.
enum RankMeasures {
    static func rocAUC(_ probabilities: [[Double]], _ truth: [Int], classes: Int) -> Double {
        let labels = classes == 2 ? [1] : Array(0..<classes)
        let areas = labels.map { label in
            area(probabilities.map { $0[label] }, truth.map { $0 == label })
        }.filter(\.isFinite)
        return areas.isEmpty ? .nan : areas.reduce(0, +) / Double(areas.count)
    }

    /// The share of pairs of a positive and a negative text that are in order, ties counting half (Mann & Whitney 1947).
    static func area(_ scores: [Double], _ isPositive: [Bool]) -> Double {
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var ranks = 0.0
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
            // Equal scores share the mean of their ranks, which count from 1.
            let rank = Double(start + 1 + end) / 2
            for place in start..<end where isPositive[order[place]] { ranks += rank }
            start = end
        }
        let positive = Double(isPositive.filter { $0 }.count)
        let negative = Double(isPositive.count) - positive
        if positive == 0 || negative == 0 { return .nan }
        return (ranks - positive * (positive + 1) / 2) / (positive * negative)
    }

    static func calibrationError(_ probabilities: [[Double]], _ truth: [Int], bins: Int = 15) -> Double {
        var sums = [(count: Double, confidence: Double, hits: Double)](repeating: (0, 0, 0), count: bins)
        for (row, label) in zip(probabilities, truth) {
            let guess = Evaluation.argmax(row)
            guard row.indices.contains(guess), row[guess].isFinite else { continue }
            let bin = min(bins - 1, max(0, Int(row[guess] * Double(bins))))
            sums[bin].count += 1
            sums[bin].confidence += row[guess]
            sums[bin].hits += guess == label ? 1 : 0
        }
        return sums.reduce(0) { $0 + abs($1.confidence - $1.hits) } / Double(max(1, truth.count))
    }
}
