#include "spread.h"

#include <omp.h>
#ifdef __linux__
#include <sched.h>
#include <unistd.h>
#endif

#include <vector>

#include "port.h"

#ifdef __linux__
namespace {

struct Cores {
  bool wanted = false;
  int32_t last = -1;  // core of the caller when the helpers were placed
  cpu_set_t allowed;  // to all of them
  std::vector<pid_t> helpers;
};

Cores& cores() {
  thread_local Cores of_thread;
  return of_thread;
}

// Helpers live as long as their caller; they are found by a loop that every one of them takes part in.
void meet(Cores& c) {
  c.helpers.resize(omp_get_max_threads());
  sched_getaffinity(0, sizeof(c.allowed), &c.allowed);
#pragma omp parallel
  c.helpers[omp_get_thread_num()] = gettid();
}

}  // namespace

ap::Spread::Spread() {
  Cores& c = cores();
  if (!c.wanted) return;
  if (c.helpers.empty()) meet(c);
  const int32_t own = sched_getcpu();
  if (c.helpers.size() < 2 || CPU_COUNT(&c.allowed) < 2 || own < 0) return;
  cpu_set_t mine, others = c.allowed;
  CPU_ZERO(&mine);
  CPU_SET(own, &mine);
  CPU_CLR(own, &others);
  held_ = sched_setaffinity(0, sizeof(mine), &mine) == 0;
  if (own != c.last)
    for (size_t k = 1; k < c.helpers.size(); ++k) sched_setaffinity(c.helpers[k], sizeof(others), &others);
  c.last = own;
}

ap::Spread::~Spread() {
  if (held_) sched_setaffinity(0, sizeof(cpu_set_t), &cores().allowed);
}

// on = 1: from now on the calling thread's kernels spread their threads over the cores, see Spread.
AP_API void ap_spread(int32_t on) { cores().wanted = on != 0; }
#else
ap::Spread::Spread() {}
ap::Spread::~Spread() {}
AP_API void ap_spread(int32_t) {}
#endif
