/// Mean and variance of vectors that come one after the other (Welford 1962).
struct RunningMoments {
    private(set) var count = 0
    private(set) var mean: [Double]
    private var squares: [Double]

    init(size: Int) {
        mean = Array(repeating: 0, count: size)
        squares = mean
    }

    mutating func add(_ sample: [Double]) {
        count += 1
        let share = 1 / Double(count)
        for index in sample.indices {
            let before = sample[index] - mean[index]
            mean[index] += before * share
            squares[index] += before * (sample[index] - mean[index])
        }
    }

    /// Of the mean; nil for fewer than two samples.
    var standardErrors: [Double]? {
        count < 2 ? nil : squares.map { ($0 / Double(count - 1) / Double(count)).squareRoot() }
    }
}
