"""Worlds of every scenario: repeatable, free of collisions, with drivers who keep to the rules of motion."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from autonomy_perception.config import Hitch
from autonomy_perception.simulation import motion
from autonomy_perception.simulation.motion import NoRoom, collision, swing, times
from autonomy_perception.simulation.scenarios import MIX, SCENARIOS, draw
from autonomy_perception.simulation.truck import demo_vehicle
from autonomy_perception.simulation.world import World


def with_trailer():
    hitch = Hitch(x=0.4, trailer_front=1.0, trailer_length=9.0, trailer_width=2.5, trailer_height=1.6)
    return demo_vehicle().model_copy(update={"hitch": hitch})


@cache
def staged(name, seed, duration=18.0):
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0])
    return draw(name, seed).build(rng, with_trailer(), times(max(duration, draw(name, seed).shortest_s)))


def check_apart(staging):
    plans = [*staging.own.plans, *staging.plans]
    for k, plan in enumerate(plans):
        others = [p for p in plans[:k] if p.group != plan.group or plan.group == 0]
        assert plan in staging.own.plans or collision(others, [plan]) is None
    assert staging.ground.inside(staging.own.xy, 25.0).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_touches_anybody(name):
    check_apart(staged(name, 7))


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_touches_anybody_whatever_the_seed(name):
    for seed in range(300, 325):
        check_apart(staged.__wrapped__(name, seed, motion.STORY_S))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_ego_drives_like_a_truck(name):
    own = staged(name, 7).own
    speed = np.linalg.norm(np.gradient(own.xy, motion.STEP_S, axis=0), axis=1)
    assert speed.max() < 26.0
    smooth = np.convolve(np.gradient(speed, motion.STEP_S), np.full(20, 0.05), "valid")
    assert smooth.min() > -5.0
    assert smooth.max() < 2.5
    turn = np.gradient(np.unwrap(own.yaw), motion.STEP_S)
    assert np.abs(speed * turn)[50:-50].max() < 3.5  # lateral acceleration
    angle = own.trailer.yaw - own.yaw
    assert np.abs(angle).max() < np.radians(75.0)


@pytest.fixture(scope="module")
def world():
    return World(3, with_trailer(), "demo")


def test_a_world_is_drawn_from_its_seed_alone(world):
    again = World(3, with_trailer(), "demo")
    np.testing.assert_array_equal(world.terrain.mesh.vertices, again.terrain.mesh.vertices)
    np.testing.assert_array_equal(world.solid.mesh.vertices, again.solid.mesh.vertices)
    np.testing.assert_array_equal(world.ego.position, again.ego.position)
    for a, b in zip(world.actors, again.actors, strict=True):
        np.testing.assert_array_equal(a.path.position, b.path.position)
    assert world.landmarks == again.landmarks
    assert len(world.markings) == 3
    assert np.any(staged("demo", 7).own.xy[-1] != world.ego.position[-1, :2])


def test_a_seed_that_leaves_no_room_is_drawn_anew_the_same_way_every_time(monkeypatch):
    yard, draws = SCENARIOS["yard"], []

    def crowded_twice(rng, vehicle, t):
        draws.append(rng.bit_generator.state["state"]["state"])
        if len(draws) % 3:
            raise NoRoom("a / b")
        return yard.build(rng, vehicle, t)

    as_ever = np.random.default_rng(np.random.SeedSequence(5).spawn(2)[0]).bit_generator.state["state"]["state"]
    monkeypatch.setitem(SCENARIOS, "yard", replace(yard, build=crowded_twice))
    one, two = (World(5, with_trailer(), "yard", 1.0) for _ in range(2))
    assert draws[0] == as_ever
    assert len(set(draws[:3])) == 3
    assert draws[:3] == draws[3:]
    np.testing.assert_array_equal(one.solid.mesh.vertices, two.solid.mesh.vertices)
    monkeypatch.setitem(SCENARIOS, "yard", replace(yard, build=lambda *_: (_ for _ in ()).throw(NoRoom("a / b"))))
    with pytest.raises(ValueError, match=r"scenario yard, seed 5, vehicle .*no room in 8 draws.* a / b"):
        World(5, with_trailer(), "yard", 1.0)


def test_names_are_checked():
    with pytest.raises(ValueError, match=r"scenario 'moon': expected one of demo, highway.*mix"):
        World(0, with_trailer(), "moon")
    with pytest.raises(ValueError, match="duration_s of scenario demo"):
        World(0, with_trailer(), "demo", 60.0)
    assert len({draw(MIX, seed).name for seed in range(60)}) == len(SCENARIOS)
    assert draw(MIX, 3) is draw(MIX, 3)


def test_a_trailer_on_a_circle_settles_at_the_known_angle():
    """On a circle of radius r a trailer of length L, pulled at its axle line, trails by asin(L / r)."""
    r, length = 20.0, 7.0
    phi = np.linspace(0.0, 6.0 * np.pi, 60_000)
    yaw = swing(r * np.column_stack([np.cos(phi), np.sin(phi)]), np.pi / 2, length)
    behind = phi[-1] + np.pi / 2 - yaw[-1]
    assert behind == pytest.approx(np.arcsin(length / r), abs=1e-3)


def test_the_own_trailer_hangs_on_the_hitch_and_bends(world):
    vehicle = with_trailer()
    t = np.linspace(0.0, 33.0, 100)
    pin = world.ego.poses(t) @ np.array([vehicle.hitch.x, 0.0, 0.0, 1.0])
    eye = world.trailer.path.poses(t) @ np.array([world.trailer.shape.pin, 0.0, 0.0, 1.0])
    assert np.abs(pin - eye)[:, :2].max() < 0.1  # pitch and roll of each body move them a little
    assert np.abs(world.hitch_angle(t)).max() > np.radians(5.0)
