// Where the threads of the parallel loops run.
#pragma once

namespace ap {

// While one lives, the calling thread keeps the core it is on and the helpers of its loops have the others: Linux tends to wake a
// helper on the core of its waker (and the waiting waker on the helper's), where both take turns while another core idles. Only
// in threads that asked for it with ap_spread; without effect where there is one core or one thread.
class Spread {
 public:
  Spread();
  ~Spread();
  Spread(const Spread&) = delete;

 private:
  bool held_ = false;
};

}  // namespace ap
