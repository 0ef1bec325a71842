# shellcheck shell=sh disable=SC2154
# A secondary private address: clients inside the VPC, all pgpools in one subnet.
address=@@address@@
device=@@device@@
own mac
own "network/interfaces/macs/$answer/interface-id"
interface=$answer
if [ "$verb" = escalation ]; then
  aws_run ec2 assign-private-ip-addresses --network-interface-id "$interface" --private-ip-addresses "$address" --allow-reassignment ||
    die "the address $address was not moved here: $why"
  add_address "$address" "$device"
else
  drop_address "$address" "$device"
  # Reassignment by the new leader takes it away as well, and then there is nothing to give back. EC2 has no code of its own for that.
  if ! aws_run ec2 unassign-private-ip-addresses --network-interface-id "$interface" --private-ip-addresses "$address"; then
    case $why in
    *'(InvalidParameterValue)'*'not assigned to interface'*) say "the address $address is not ours any more" ;;
    *) die "the address $address was not given back: $why" ;;
    esac
  fi
fi
finish
