// Interacting multiple models of a tracked object (Blom and Bar-Shalom, IEEE TAC 33(8), 1988): constant velocity,
// constant turn rate and kinematic bicycle over the state x y vx vy yaw omega of the box centre.
//
// CV and CT after Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001),
// ch. 6 and 11 (CT with the chord at half the turn instead of the sinc form, which agrees to third order in
// omega*dt); bicycle after Polack et al., "The kinematic bicycle model" (IV 2017), with the reference moved from the
// rear axle to the box centre. Process noise is white in continuous time and integrated over the step (ibid., ch. 6.2),
// so that ten steps of 0.05 s spread a state as far as five of 0.1 s. Double precision: positions are in odom and may be
// kilometres.
#pragma once
#include "enums.h"
#include "port.h"

namespace ap {

constexpr double kTanMaxSteer = 0.8422883804630794;  // tan(0.7 rad): no road vehicle steers more
constexpr double kTurnMemory = 0.5;                  // [s] in constant velocity turning dies out with this time constant
constexpr double kHeld = 0.1;                        // [s] what a driver does is taken to hold for: acceleration^2 * kHeld is its density
constexpr double kLeastPivot = 1e-12;                // of a diagonal entry: what remains of it when the others are known

typedef double Row6[kStates];

// Probabilities of going from one model (row) to another (column) within one step, of vehicles and of others.
struct Transition {
  double p[2][kModels][kModels];
};

// A vehicle steers; what is no vehicle (pedestrian, unknown) has no heading to follow and stays with constant
// velocity almost always. The tables hold for 0.1 s.
inline Transition transition_of(double dt) {
  constexpr double stay[2][kModels][kModels] = {
      {{0.97, 0.028, 0.002}, {0.20, 0.798, 0.002}, {0.50, 0.20, 0.30}},  // others
      {{0.90, 0.04, 0.06}, {0.06, 0.90, 0.04}, {0.05, 0.03, 0.92}}};     // vehicles
  const double share = dt / 0.1 < 3.0 ? dt / 0.1 : 3.0;
  Transition t;
  for (int v = 0; v < 2; ++v)
    for (int i = 0; i < kModels; ++i) {
      double sum = 0.0;
      for (int j = 0; j < kModels; ++j) {
        const double one = i == j ? 1.0 : 0.0, p = one + share * (stay[v][i][j] - one);
        t.p[v][i][j] = p < 0.001 ? 0.001 : p > 1.0 ? 1.0 : p;
        sum += t.p[v][i][j];
      }
      for (int j = 0; j < kModels; ++j) t.p[v][i][j] /= sum;
    }
  return t;
}

AP_HD void add_row(double factor, const double* in, double* out) {
  for (int k = 0; k < kStates; ++k) out[k] += factor * in[k];
}

// Adds w (d d^T) to a covariance.
AP_HD void add_outer(double w, const double* d, Row6* cov) {
  for (int r = 0; r < kStates; ++r) add_row(w * d[r], d, cov[r]);
}

// Moment-matched sum of the models with weights w (they sum to 1); cov may be null.
AP_HD void merge(const double* w, const Row6* means, const Row6* covs, double* mean, Row6* cov) {
  for (int k = 0; k < kStates; ++k) mean[k] = 0.0;
  for (int i = 0; i < kModels; ++i) add_row(w[i], means[i], mean);
  if (!cov) return;
  for (int r = 0; r < kStates; ++r)
    for (int k = 0; k < kStates; ++k) cov[r][k] = 0.0;
  for (int i = 0; i < kModels; ++i) {
    double d[kStates];
    for (int k = 0; k < kStates; ++k) d[k] = means[i][k] - mean[k];
    for (int r = 0; r < kStates; ++r) add_row(w[i], covs[kStates * i + r], cov[r]);
    add_outer(w[i], d, cov);
  }
}

// Moves a mean by dt and gives the Jacobian f (the identity at first): turning dies out, fade = exp(-dt / kTurnMemory).
AP_HD void constant_velocity(double* m, double dt, double fade, Row6* f) {
  const double turned = kTurnMemory * (1.0 - fade);
  m[kX] += dt * m[kVx];
  m[kY] += dt * m[kVy];
  m[kYaw] += turned * m[kOmega];
  m[kOmega] *= fade;
  f[kX][kVx] = f[kY][kVy] = dt;
  f[kYaw][kOmega] = turned;
  f[kOmega][kOmega] = fade;
}

// The velocity vector turns with omega.
AP_HD void constant_turn(double* m, double dt, Row6* f) {
  const double vx = m[kVx], vy = m[kVy], omega = m[kOmega];
  const double c = cos(omega * dt), s = sin(omega * dt), ch = cos(0.5 * omega * dt), sh = sin(0.5 * omega * dt);
  m[kX] += (ch * vx - sh * vy) * dt;
  m[kY] += (sh * vx + ch * vy) * dt;
  m[kVx] = c * vx - s * vy;
  m[kVy] = s * vx + c * vy;
  m[kYaw] += omega * dt;
  f[kX][kVx] = f[kY][kVy] = ch * dt;
  f[kX][kVy] = -sh * dt;
  f[kY][kVx] = sh * dt;
  f[kX][kOmega] = (-sh * vx - ch * vy) * 0.5 * dt * dt;
  f[kY][kOmega] = (ch * vx - sh * vy) * 0.5 * dt * dt;
  f[kVx][kVx] = f[kVy][kVy] = c;
  f[kVx][kVy] = -s;
  f[kVy][kVx] = s;
  f[kVx][kOmega] = (-s * vx - c * vy) * dt;
  f[kVy][kOmega] = (c * vx - s * vy) * dt;
  f[kYaw][kOmega] = dt;
}

// Front-steered vehicle: the centre sits rear = 0.3 length ahead of the rear axle and moves with
// s e(yaw) + rear omega n(yaw); omega is bounded by |s| tan(max steer) / (0.6 length). At the bound the turn rate is a
// function of the speed alone, and so says the Jacobian.
AP_HD void bicycle(double* m, double rear, double dt, Row6* f) {
  const double c0 = cos(m[kYaw]), s0 = sin(m[kYaw]), yaw = m[kYaw];
  const double speed = c0 * m[kVx] + s0 * m[kVy];
  const double d_speed[kStates] = {0.0, 0.0, c0, s0, -s0 * m[kVx] + c0 * m[kVy], 0.0};
  const double tightest = kTanMaxSteer / (2.0 * rear > 1.0 ? 2.0 * rear : 1.0), bound = fabs(speed) * tightest;
  const bool free = fabs(m[kOmega]) <= bound;
  const double omega = free ? m[kOmega] : copysign(bound, m[kOmega]);
  const double per_speed = free ? 0.0 : copysign(tightest, m[kOmega]) * (speed > 0.0 ? 1.0 : speed < 0.0 ? -1.0 : 0.0);
  double d_omega[kStates];
  for (int j = 0; j < kStates; ++j) d_omega[j] = per_speed * d_speed[j] + (free && j == kOmega ? 1.0 : 0.0);
  m[kOmega] = omega;
  m[kYaw] += omega * dt;
  for (int j = 0; j < kStates; ++j) {
    f[kOmega][j] = d_omega[j];
    f[kYaw][j] = (j == kYaw ? 1.0 : 0.0) + dt * d_omega[j];
  }
  for (int part = 0; part < 2; ++part) {  // the place by the heading at half the turn, the velocity by that after it
    const int row = part == 0 ? kX : kVx;
    const double share = part == 0 ? 0.5 : 1.0, gain = part == 0 ? dt : 1.0;
    const double c = cos(yaw + share * omega * dt), s = sin(yaw + share * omega * dt);
    const double e[2] = {c, s}, n[2] = {-s, c};
    for (int k = 0; k < 2; ++k) {
      const double swing = speed * n[k] - rear * omega * e[k];  // d velocity / d angle
      m[row + k] = (speed * e[k] + rear * omega * n[k]) * gain + (part == 0 ? m[row + k] : 0.0);
      for (int j = 0; j < kStates; ++j)
        f[row + k][j] = gain * (e[k] * d_speed[j] + rear * n[k] * d_omega[j] +
                                swing * ((j == kYaw ? 1.0 : 0.0) + share * dt * d_omega[j])) +
                        (part == 0 && j == row + k ? 1.0 : 0.0);
    }
  }
}

// cov <- F cov F^T, made symmetric. Jacobians are mostly zeros, which are skipped.
AP_HD void propagate(const Row6* f, Row6* cov) {
  for (int pass = 0; pass < 2; ++pass) {
    double t[kStates][kStates];
    for (int r = 0; r < kStates; ++r) {
      for (int k = 0; k < kStates; ++k) t[r][k] = 0.0;
      for (int k = 0; k < kStates; ++k)
        if (f[r][k] != 0.0) add_row(f[r][k], cov[k], t[r]);
    }
    for (int r = 0; r < kStates; ++r)  // the transpose of F cov goes through the same product again
      for (int k = 0; k < kStates; ++k) cov[r][k] = t[k][r];
  }
  for (int r = 0; r < kStates; ++r)
    for (int k = 0; k < r; ++k) cov[r][k] = cov[k][r] = 0.5 * (cov[r][k] + cov[k][r]);
}

// Adds the covariance of u a + v b for the columns u, v of a state and Var(a) = aa, Cov(a,b) = ab, Var(b) = bb.
AP_HD void add_pair(double aa, double ab, double bb, const double* u, const double* v, Row6* cov) {
  for (int r = 0; r < kStates; ++r) {
    const double a = aa * u[r] + ab * v[r], b = ab * u[r] + bb * v[r];
    if (a == 0.0 && b == 0.0) continue;
    for (int k = 0; k <= r; ++k) cov[k][r] = cov[r][k] += a * u[k] + b * v[k];
  }
}

// The same where a is white noise of a density summed over dt, and b the sum of that sum.
AP_HD void add_white(double density, double dt, const double* u, const double* v, Row6* cov) {
  add_pair(density * dt, density * dt * dt / 2.0, density * dt * dt * dt / 3.0, u, v, cov);
}

// Adds process noise over dt at the moved mean m: white acceleration along and across the heading, white turn
// acceleration, and yaw drift. A car in the bicycle model hardly slides: across its heading it slips, by a little, anew in
// every step. What turns in CT need not be explained by acceleration. Where the velocity follows turn or heading, so does
// its noise.
AP_HD void add_noise(int model, const double* m, double rear, const double* noise, double dt, double fade, Row6* cov) {
  const double c = cos(m[kYaw]), s = sin(m[kYaw]), vx = m[kVx], vy = m[kVy];
  constexpr double along_of[kModels] = {1.0, 0.5, 1.0}, across_of[kModels] = {1.0, 0.5, 0.15}, turn_of[kModels] = {0.5, 1.0, 1.0};
  const double along = noise[0] * along_of[model], across = noise[0] * across_of[model], turn = noise[1] * turn_of[model];
  const double turning = turn * turn * kHeld;
  const double faster[kStates] = {0, 0, c, s, 0, 0}, ahead[kStates] = {c, s, 0, 0, 0, 0};
  const double aside[kStates] = {0, 0, -s, c, 0, 0}, left[kStates] = {-s, c, 0, 0, 0, 0};
  add_white(along * along * kHeld, dt, faster, ahead, cov);
  if (model != kMotionBicycle) {
    add_white(across * across * kHeld, dt, aside, left, cov);
  } else {
    const double slip = across * kHeld;
    add_pair(slip * slip, 0.0, slip * slip * kHeld * dt, aside, left, cov);
  }
  const double swing = model == kMotionBicycle ? 1.0 : 0.0, swerve = model == kMotionConstantVelocity ? 0.0 : 1.0, lever = swing * rear;
  const double drifted[kStates] = {0, 0, -swing * vy, swing * vx, 1, 0}, adrift[kStates] = {-swing * vy, swing * vx, 0, 0, 0, 0};
  add_white(noise[2] * noise[2], dt, drifted, adrift, cov);
  // 3/8 dt: the place follows the sum of the yaw, of which the yaw at the end tells so much.
  const double by = 0.375 * dt * swerve;
  const double spun[kStates] = {0, 0, -lever * s, lever * c, 0, 1};
  const double turned[kStates] = {-lever * s - by * vy, lever * c + by * vx, -swerve * vy, swerve * vx, 1, 0};
  if (model == kMotionConstantVelocity) {  // Ornstein-Uhlenbeck
    const double t = kTurnMemory, gone = 1.0 - fade, twice = 1.0 - fade * fade;
    add_pair(turning * t / 2.0 * twice, turning * t * t / 2.0 * gone * gone, turning * t * t * (dt - 2.0 * t * gone + t / 2.0 * twice),
             spun, turned, cov);
  } else {
    add_white(turning, dt, spun, turned, cov);
  }
}

// One track: mixes the models and moves them by dt [s]. mean (3,6), cov (3,6,6), mu (3) are replaced. noise:
// acceleration [m/s^2] and turn acceleration [rad/s^2], means over kHeld, yaw drift [rad/sqrt(s)]; length [m].
AP_HD void imm_predict(double* mean, double* cov, double* mu, const double* noise, double length, bool vehicle,
                       const Transition& t, double dt, double fade) {
  const Row6* covs = reinterpret_cast<const Row6*>(cov);
  double mixed[kModels][kStates], mixed_cov[kModels][kStates][kStates], sum[kModels];
  for (int j = 0; j < kModels; ++j) {
    double w[kModels];
    sum[j] = 0.0;
    for (int i = 0; i < kModels; ++i) sum[j] += w[i] = mu[i] * t.p[vehicle][i][j];
    for (int i = 0; i < kModels; ++i) w[i] /= sum[j];
    merge(w, reinterpret_cast<const Row6*>(mean), covs, mixed[j], mixed_cov[j]);
  }
  for (int j = 0; j < kModels; ++j) {
    double f[kStates][kStates], *m = mixed[j];
    for (int r = 0; r < kStates; ++r)
      for (int k = 0; k < kStates; ++k) f[r][k] = r == k ? 1.0 : 0.0;
    const double rear = 0.3 * length;
    if (j == kMotionConstantVelocity) {
      constant_velocity(m, dt, fade, f);
    } else if (j == kMotionConstantTurn) {
      constant_turn(m, dt, f);
    } else {
      bicycle(m, rear, dt, f);
    }
    propagate(f, mixed_cov[j]);
    add_noise(j, m, rear, noise, dt, fade, mixed_cov[j]);
    mu[j] = sum[j];
    for (int r = 0; r < kStates; ++r) {
      mean[kStates * j + r] = m[r];
      for (int k = 0; k < kStates; ++k) cov[kStates * kStates * j + kStates * r + k] = mixed_cov[j][r][k];
    }
  }
}

// Lower factor l of a symmetric s = l l^T (Cholesky); false where s is not positive definite, or no number.
AP_HD bool factor3(const double (*s)[3], double (*l)[3]) {
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k <= i; ++k) {
      double rest = s[i][k];
      for (int q = 0; q < k; ++q) rest -= l[i][q] * l[k][q];
      if (i == k && !(rest > kLeastPivot * s[i][i])) return false;
      l[i][k] = i == k ? sqrt(rest) : rest / l[k][k];
    }
  return true;
}

// Solves l x = b.
AP_HD void solve3(const double (*l)[3], const double* b, double* x) {
  for (int i = 0; i < 3; ++i) {
    double rest = b[i];
    for (int q = 0; q < i; ++q) rest -= l[i][q] * x[q];
    x[i] = rest / l[i][i];
  }
}

// Measures x, y, yaw (z, r (3,3)) in one model, seen at position + delay * velocity; gives the log-likelihood (without
// its constant). With S = L L^T, gain S gain^T = (L^-1 H P)^T (L^-1 H P). A measurement that is no number, or whose S is
// no covariance, is refused: false, and nothing changes.
AP_HD bool measure_place(double* m, Row6* cov, const double* z, const double* r, double delay, double* log_lik) {
  double ph[kStates][3], s[3][3], l[3][3], w[3], u[kStates][3];
  for (int k = 0; k < kStates; ++k) {
    ph[k][0] = cov[k][kX] + delay * cov[k][kVx];
    ph[k][1] = cov[k][kY] + delay * cov[k][kVy];
    ph[k][2] = cov[k][kYaw];
  }
  for (int k = 0; k < 3; ++k) {
    s[0][k] = ph[kX][k] + r[k] + delay * ph[kVx][k];
    s[1][k] = ph[kY][k] + r[3 + k] + delay * ph[kVy][k];
    s[2][k] = ph[kYaw][k] + r[6 + k];
  }
  const double y[3] = {z[0] - m[kX] - delay * m[kVx], z[1] - m[kY] - delay * m[kVy], z[2] - m[kYaw]};
  if (!factor3(s, l)) return false;
  solve3(l, y, w);
  const double distance = w[0] * w[0] + w[1] * w[1] + w[2] * w[2];
  if (!(distance < 1e300)) return false;
  for (int k = 0; k < kStates; ++k) {
    solve3(l, ph[k], u[k]);
    m[k] += u[k][0] * w[0] + u[k][1] * w[1] + u[k][2] * w[2];
    for (int i = 0; i <= k; ++i) {
      const double p = 0.5 * (cov[i][k] + cov[k][i]) - (u[i][0] * u[k][0] + u[i][1] * u[k][1] + u[i][2] * u[k][2]);
      cov[i][k] = cov[k][i] = p;
    }
  }
  *log_lik = -0.5 * distance - log(l[0][0] * l[1][1] * l[2][2]);
  return true;
}

// One track: measures x, y, yaw in all models and weighs them. Likelihoods are tempered: shape flicker of clusters is
// no white noise and would make one model certain. Gives the number of models that took the measurement; one that
// refuses what others take loses its weight.
AP_HD int imm_update(double* mean, double* cov, double* mu, const double* z, const double* r, double delay) {
  double log_lik[kModels], best = -1e300, sum = 0.0;
  bool took[kModels];
  int count = 0;
  for (int j = 0; j < kModels; ++j) {
    took[j] = measure_place(mean + kStates * j, reinterpret_cast<Row6*>(cov) + kStates * j, z, r, delay, &log_lik[j]);
    if (took[j]) best = log_lik[j] > best ? log_lik[j] : best;
    count += took[j];
  }
  if (count == 0) return 0;
  for (int j = 0; j < kModels; ++j) {
    mu[j] *= took[j] ? exp(0.5 * (log_lik[j] - best)) : 0.0;
    mu[j] = mu[j] > 1e-3 ? mu[j] : 1e-3;
    sum += mu[j];
  }
  for (int j = 0; j < kModels; ++j) mu[j] /= sum;
  return count;
}

// One track: measures vx and vy in all models, one after the other; isotropic variance. Gives the number of models that
// took both; what is no number or has no positive variance is refused and changes nothing.
AP_HD int imm_update_velocity(double* mean, double* cov, const double* velocity, double variance) {
  int count = 0;
  for (int j = 0; j < kModels; ++j) {
    double* m = mean + kStates * j;
    Row6* p = reinterpret_cast<Row6*>(cov) + kStates * j;
    int taken = 0;
    for (int part = 0; part < 2; ++part) {
      const int axis = kVx + part;
      const double off = velocity[part] - m[axis], s = p[axis][axis] + variance;
      if (!(s > kLeastPivot * p[axis][axis] && off * off / s < 1e300)) continue;
      ++taken;
      double row[kStates], gain[kStates];
      for (int k = 0; k < kStates; ++k) {
        row[k] = p[axis][k];
        gain[k] = p[k][axis] / s;
      }
      for (int k = 0; k < kStates; ++k) {
        m[k] += gain[k] * off;
        add_row(-gain[k], row, p[k]);
      }
    }
    count += taken == 2;
  }
  return count;
}

}  // namespace ap
